use crate::series::Series;
use crate::window::{correlation, positive};

/// Volume and liquidity; dollar volume, because it does not change when a share is split.
pub(crate) fn volume(s: &Series) -> [f64; 10] {
    let traded = &s.dollar_volume;
    let adv = s.adv.today();
    let (up, down) = (s.flow_up.sum(14), s.flow_down.sum(14));

    let log_adv_21 = adv.ln();
    let abn_vol_1 = (traded.today() / s.adv.ago(1)).ln();
    let vol_trend = (traded.mean(5) / traded.mean(63)).ln();
    let amihud_21 = (positive(s.illiquidity.mean(21)) * 1e6).ln();
    let dvol_cv_21 = traded.sd(21) / adv;
    let obv_21 = s.signed_volume.sum(21) / s.return_volume.sum(21);
    let cmf_21 = s.clv_volume.sum(21) / s.volume.sum(21);
    let mfi_14 = 100.0 * up / positive(up + down);
    let pv_corr_21 = match (s.log_return.last(21), s.dollar_volume_change.last(21)) {
        (Some(returns), Some(changes)) => correlation(returns, changes),
        _ => f64::NAN,
    };
    let cs_spread_21 = s.spread.mean(21);
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
