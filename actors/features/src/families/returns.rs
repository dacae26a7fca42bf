use crate::series::Series;
use crate::window::{positive, sums};

/// Reversal, momentum, path, and where in its range a price stands.
pub(crate) fn returns(s: &Series) -> [f64; 14] {
    let between = |a, b| log_return_between(s, a, b);
    let ret_1 = s.log_return.today();
    let ret_5 = between(0, 5);
    let ret_10 = between(0, 10);
    let ret_21 = between(0, 21);
    let mom_63_5 = between(5, 63);
    let mom_126_21 = between(21, 126);
    let mom_252_21 = between(21, 252);
    let mom_accel = ret_21 - between(21, 63) / 2.0;
    let eff_21 = ret_21 / positive(path_length(s));
    let hi_252 = (s.close.today() / s.high.max(252)).ln();
    let lo_252 = (s.close.today() / s.low.min(252)).ln();
    let gap_1 = s.gap.today();
    let clv_1 = s.clv.today();
    let tug_21 = s.tug.sum(21);
    [
        ret_1, ret_5, ret_10, ret_21, mom_63_5, mom_126_21, mom_252_21, mom_accel, eff_21, hi_252,
        lo_252, gap_1, clv_1, tug_21,
    ]
}

/// ln(C[t−a]/C[t−b]); both closes must be there.
pub(crate) fn log_return_between(s: &Series, a: usize, b: usize) -> f64 {
    (s.close.ago(a) / s.close.ago(b)).ln()
}

/// Σ21 |r|.
fn path_length(s: &Series) -> f64 {
    s.log_return.last(21).map_or(f64::NAN, |window| {
        let [count, length] = sums(window, |r| [1.0, r.abs()]);
        if crate::window::is_enough(count, 21) { length } else { f64::NAN }
    })
}
