use crate::lanes::Lanes;
use crate::series::Series;

/// Reversal, momentum, path, and where in its range a price stands.
#[inline(always)]
pub(crate) fn returns(s: &Series, b: usize) -> [Lanes; 14] {
    let between = |from, to| log_return_between(s, b, from, to);
    let close = s.close[b];
    let year = s.bars.enough(b, 252);
    let ret_1 = s.log_return.today(b);
    let ret_5 = between(0, 5);
    let ret_10 = between(0, 10);
    let ret_21 = between(0, 21);
    let mom_63_5 = between(5, 63);
    let mom_126_21 = between(21, 126);
    let mom_252_21 = between(21, 252);
    let mom_accel = ret_21 - between(21, 63) / 2.0;
    let eff_21 = (ret_21 / s.path.sum(b, 21).positive()).where_known(s.pairs.enough(b, 21));
    let hi_252 = (close / s.high_252.value(b)).ln().where_known(year);
    let lo_252 = (close / -s.low_252.value(b)).ln().where_known(year);
    let gap_1 = s.gap[b];
    let clv_1 = s.clv[b];
    let tug_21 = s.tug.sum(b, 21).where_known(s.pairs.enough(b, 21));
    [
        ret_1, ret_5, ret_10, ret_21, mom_63_5, mom_126_21, mom_252_21, mom_accel, eff_21, hi_252,
        lo_252, gap_1, clv_1, tug_21,
    ]
}

/// ln(C[t−from]/C[t−to]); both closes must be there.
#[inline(always)]
pub(crate) fn log_return_between(s: &Series, b: usize, from: usize, to: usize) -> Lanes {
    *s.log_close.ago(b, from) - *s.log_close.ago(b, to)
}
