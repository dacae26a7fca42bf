use crate::exact::Stretch;
use crate::lanes::Lanes;
use crate::series::Series;
use crate::window::squares_about;

/// Volume and liquidity; dollar volume, because it does not change when a share is split.
#[inline(always)]
pub(crate) fn volume(s: &Series, b: usize) -> [Lanes; 10] {
    let (bars_21, pairs_21) = (s.bars.enough(b, 21), s.pairs.enough(b, 21));
    let traded = &s.dollar_volume;
    let (up, down) = (s.flow_up.sum(b, 14), s.flow_down.sum(b, 14));
    let deviations = squares_about(traded.last(b, 21), s.adv[b]);

    let log_adv_21 = s.log_adv[b];
    let abn_vol_1 = s.log_traded[b] - s.log_adv_before[b];
    let vol_trend = (s.mean_dollar_volume(b, 5) / s.mean_dollar_volume(b, 63)).ln();
    let amihud_21 = ((s.illiquidity.sum(b, 21) / pairs_21).positive() * 1e6).ln();
    let dvol_cv_21 = (deviations / (bars_21 - Lanes::all(1.0))).sqrt() / s.adv[b];
    let obv_21 = (s.signed_volume.sum(b, 21) / s.return_volume.sum(b, 21)).where_known(pairs_21);
    let cmf_21 = (s.clv_volume.sum(b, 21) / s.volume.sum(b, 21)).where_known(bars_21);
    let mfi_14 = (up / (up + down).positive()).where_known(s.pairs.enough(b, 14)) * 100.0;
    let pv_corr_21 = price_volume_correlation(s, b);
    let cs_spread_21 = s.spread.sum(b, 21) / pairs_21;
    [
        log_adv_21,
        abn_vol_1,
        vol_trend,
        amihud_21,
        dvol_cv_21,
        obv_21,
        cmf_21,
        mfi_14,
        pv_corr_21,
        cs_spread_21,
    ]
}

/// Pearson correlation of r with Δ ln(C·V) over 21 sessions; NaN if either does not vary.
#[inline(always)]
fn price_volume_correlation(s: &Series, b: usize) -> Lanes {
    let window = s.returns_and_volume.window(b, Stretch::last(21));
    let n = s.pairs.enough(b, 21);
    let varies = |scatter: Lanes| (scatter / n).map(|xx| if xx > 1e-18 { xx } else { f64::NAN });
    window.scatter_xy() / n / (varies(window.scatter_xx()) * varies(window.scatter_yy())).sqrt()
}
