//! The quadratic programme of METHODS.md §4, on clarabel.
//!
//! All weights are fractions of NAV. With B = [β, sector dummies], y = Bᵀw, u ≥ |w − w0|, v ≥ |w|:
//!
//! minimise λ(wᵀDw + yᵀFy) − αᵀw + Σ cᵢuᵢ + Σ qᵢuᵢ² + ρᵀslack
//! subject to lowest ≤ w ≤ highest; Σv ≤ gross; |y_β| ≤ beta_max + slack; |Σw| ≤ net_max + slack;
//! |y_sector| ≤ sector_net_max + slack; Σu ≤ turnover_max + slack; slack ≥ 0.
//!
//! The four soft limits give way in the order of their price, turnover first; how much is part of the answer,
//! never silent. Liquidity, name cap, order size, restrictions and availability are in `lowest` and `highest`, which
//! are hard, as is gross.
//!
//! Deterministic: one thread, and the deadline is a number of iterations, not a time.

use clarabel::algebra::CscMatrix;
use clarabel::solver::SupportedConeT::{NonnegativeConeT, ZeroConeT};
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus};

/// Unscaled, the objective is about 5e-4 and the solver's tolerances leave weights 9e-5 off.
const SCALE: f64 = 1e4;
/// An interior point method takes 10 to 25; one that takes longer has lost its way.
const ITERATIONS_MAX: u32 = 60;
/// Slack below this is the solver's rounding.
const SLACK_MIN: f64 = 1e-6;
/// What a constraint may be off in the solution; rounding to shares checks the limits themselves again.
const FEASIBLE: f64 = 1e-7;

/// Prices of a unit of slack, dearest first.
const PRICES: [(Soft, f64); 4] =
    [(Soft::Beta, 1.0), (Soft::Net, 0.5), (Soft::Sector, 0.3), (Soft::Turnover, 0.05)];

/// One row per name in all vectors of names.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Expected return over the horizon.
    pub alpha: Vec<f64>,
    /// Weights now.
    pub held: Vec<f64>,
    pub beta: Vec<f64>,
    /// Place in the sectors; `None` has no sector exposure.
    pub sector: Vec<Option<usize>>,
    pub sectors: usize,
    /// Idiosyncratic variance over the horizon.
    pub idio_variance: Vec<f64>,
    /// Covariance of the factors (market, then sectors) over the horizon, by rows, square.
    pub factor_covariance: Vec<f64>,
    /// Cost per unit traded, and per unit squared.
    pub linear_cost: Vec<f64>,
    pub quadratic_cost: Vec<f64>,
    /// Where a position may end; what is held may lie outside.
    pub lowest: Vec<f64>,
    pub highest: Vec<f64>,
    pub gross_max: f64,
    pub beta_max: f64,
    pub net_max: f64,
    pub sector_net_max: f64,
    pub turnover_max: f64,
    pub risk_aversion: f64,
}

/// A limit that gives way where it must.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Soft {
    Beta,
    Net,
    Sector,
    Turnover,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    pub weights: Vec<f64>,
    /// What gave way, and by how much.
    pub relaxed: Vec<(Soft, f64)>,
    /// Of the minimisation above, slack's price included.
    pub objective: f64,
    pub iterations: u32,
}

/// Why there is no answer to trade on: the solver's status, or the constraint its answer breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsolved(pub String);

impl Program {
    /// # Panics
    /// If the vectors differ in length.
    pub fn solve(&self) -> Result<Solution, Unsolved> {
        self.check();
        let layout = Layout::of(self);
        let (rows, equalities) = layout.rows(self);
        let cones = [ZeroConeT(equalities), NonnegativeConeT(rows.limits.len() - equalities)];
        let settings = DefaultSettings {
            verbose: false,
            max_threads: 1,
            max_iter: ITERATIONS_MAX,
            time_limit: f64::INFINITY,
            ..DefaultSettings::default()
        };
        let (quadratic, linear) = (layout.quadratic(self), layout.linear(self));
        let matrix = rows.matrix(layout.variables);
        let solver =
            DefaultSolver::new(&quadratic, &linear, &matrix, &rows.limits, &cones, settings);
        let mut solver = solver.map_err(|error| Unsolved(format!("{error:?}")))?;
        solver.solve();
        if solver.solution.status != SolverStatus::Solved {
            return Err(Unsolved(format!("{:?}", solver.solution.status)));
        }
        let x = &solver.solution.x;
        let weights: Vec<f64> = x[..self.alpha.len()]
            .iter()
            .zip(self.lowest.iter().zip(&self.highest))
            .map(|(weight, (lowest, highest))| weight.clamp(*lowest, *highest))
            .collect();
        let relaxed: Vec<(Soft, f64)> = (PRICES.iter().zip(&x[layout.slack..]))
            .map(|((soft, _), slack)| (*soft, *slack))
            .filter(|(_, slack)| *slack > SLACK_MIN)
            .collect();
        self.verify(&weights, &relaxed)?;
        let objective = solver.solution.obj_val / SCALE;
        Ok(Solution { weights, relaxed, objective, iterations: solver.solution.iterations })
    }

    /// Market and sector exposures of `weights`: Bᵀw.
    pub fn exposures(&self, weights: &[f64]) -> Vec<f64> {
        let mut exposures = vec![0.0; 1 + self.sectors];
        for (row, weight) in weights.iter().enumerate() {
            exposures[0] += self.beta[row] * weight;
            if let Some(sector) = self.sector[row] {
                exposures[1 + sector] += weight;
            }
        }
        exposures
    }

    /// Every constraint once more, by our own arithmetic.
    fn verify(&self, weights: &[f64], relaxed: &[(Soft, f64)]) -> Result<(), Unsolved> {
        let slack =
            |soft| relaxed.iter().find(|given| given.0 == soft).map_or(SLACK_MIN, |given| given.1);
        let exposures = self.exposures(weights);
        let sector = exposures[1..].iter().fold(0.0, |worst: f64, net| worst.max(net.abs()));
        let traded = weights.iter().zip(&self.held).map(|(weight, held)| (weight - held).abs());
        let sums = [
            ("GROSS", weights.iter().map(|weight| weight.abs()).sum(), self.gross_max()),
            ("BETA", exposures[0].abs(), self.beta_max + slack(Soft::Beta)),
            ("NET", weights.iter().sum::<f64>().abs(), self.net_max + slack(Soft::Net)),
            ("SECTOR", sector, self.sector_net_max + slack(Soft::Sector)),
            ("TURNOVER", traded.sum(), self.turnover_max + slack(Soft::Turnover)),
        ];
        let kept = |total: f64, limit: f64| total <= limit + FEASIBLE;
        match sums.iter().find(|(_, total, limit)| !kept(*total, *limit)) {
            Some((name, total, limit)) => Err(Unsolved(format!("{name} {total} above {limit}"))),
            None => Ok(()),
        }
    }

    /// The hard limit on gross, or what can't be undone today where that is more.
    fn gross_max(&self) -> f64 {
        let least = |(lowest, highest): (&f64, &f64)| lowest.max(0.0).max(-highest);
        let least: f64 = self.lowest.iter().zip(&self.highest).map(least).sum();
        self.gross_max.max(least)
    }

    fn check(&self) {
        let n = self.alpha.len();
        let columns = [
            &self.held,
            &self.beta,
            &self.idio_variance,
            &self.linear_cost,
            &self.quadratic_cost,
            &self.lowest,
            &self.highest,
        ];
        assert!(columns.iter().all(|column| column.len() == n) && self.sector.len() == n);
        assert_eq!(self.factor_covariance.len(), (1 + self.sectors).pow(2));
    }
}

/// Where each block of variables begins: w, u, v, y, slack.
struct Layout {
    traded: usize,
    size: usize,
    factors: usize,
    slack: usize,
    variables: usize,
}

/// `row · x ≤ limit`; the first rows are equalities.
#[derive(Default)]
struct Rows {
    row: Vec<usize>,
    column: Vec<usize>,
    value: Vec<f64>,
    limits: Vec<f64>,
}

impl Layout {
    fn of(program: &Program) -> Self {
        let n = program.alpha.len();
        let slack = 3 * n + 1 + program.sectors;
        Self { traded: n, size: 2 * n, factors: 3 * n, slack, variables: slack + PRICES.len() }
    }

    /// The upper triangle of twice the quadratic form.
    fn quadratic(&self, program: &Program) -> CscMatrix<f64> {
        let (n, k) = (program.alpha.len(), 1 + program.sectors);
        let (mut row, mut column, mut value) = (Vec::new(), Vec::new(), Vec::new());
        let mut put = |at: (usize, usize), x: f64| {
            row.push(at.0);
            column.push(at.1);
            value.push(2.0 * SCALE * x);
        };
        for i in 0..n {
            put((i, i), program.risk_aversion * program.idio_variance[i]);
            put((self.traded + i, self.traded + i), program.quadratic_cost[i]);
        }
        for a in 0..k {
            for b in a..k {
                let covariance = program.risk_aversion * program.factor_covariance[a * k + b];
                put((self.factors + a, self.factors + b), covariance);
            }
        }
        CscMatrix::new_from_triplets(self.variables, self.variables, row, column, value)
    }

    fn linear(&self, program: &Program) -> Vec<f64> {
        let mut linear = vec![0.0; self.variables];
        for (row, alpha) in program.alpha.iter().enumerate() {
            linear[row] = -SCALE * alpha;
            linear[self.traded + row] = SCALE * program.linear_cost[row];
        }
        for (at, (_, price)) in PRICES.iter().enumerate() {
            linear[self.slack + at] = SCALE * price;
        }
        linear
    }

    /// And how many of them are equalities.
    fn rows(&self, program: &Program) -> (Rows, usize) {
        let n = program.alpha.len();
        let mut rows = Rows::default();
        rows.push((0..n).map(|i| (i, program.beta[i])).chain([(self.factors, -1.0)]), 0.0);
        for sector in 0..program.sectors {
            let members = (0..n).filter(|i| program.sector[*i] == Some(sector)).map(|i| (i, 1.0));
            rows.push(members.chain([(self.factors + 1 + sector, -1.0)]), 0.0);
        }
        let equalities = rows.limits.len();
        for i in 0..n {
            let (held, u, v) = (program.held[i], self.traded + i, self.size + i);
            rows.push([(i, 1.0), (u, -1.0)], held);
            rows.push([(i, -1.0), (u, -1.0)], -held);
            rows.push([(i, 1.0), (v, -1.0)], 0.0);
            rows.push([(i, -1.0), (v, -1.0)], 0.0);
            rows.push([(i, 1.0)], program.highest[i]);
            rows.push([(i, -1.0)], -program.lowest[i]);
        }
        rows.push((0..n).map(|i| (self.size + i, 1.0)), program.gross_max());
        let [beta, net, sector, turnover] = [0, 1, 2, 3].map(|at| (self.slack + at, -1.0));
        for sign in [1.0, -1.0] {
            rows.push([(self.factors, sign), beta], program.beta_max);
            rows.push((0..n).map(|i| (i, sign)).chain([net]), program.net_max);
            for at in 0..program.sectors {
                rows.push([(self.factors + 1 + at, sign), sector], program.sector_net_max);
            }
        }
        rows.push((0..n).map(|i| (self.traded + i, 1.0)).chain([turnover]), program.turnover_max);
        for at in 0..PRICES.len() {
            rows.push([(self.slack + at, -1.0)], 0.0);
        }
        (rows, equalities)
    }
}

impl Rows {
    fn push(&mut self, entries: impl IntoIterator<Item = (usize, f64)>, limit: f64) {
        for (column, value) in entries {
            self.row.push(self.limits.len());
            self.column.push(column);
            self.value.push(value);
        }
        self.limits.push(limit);
    }

    fn matrix(&self, variables: usize) -> CscMatrix<f64> {
        let Self { row, column, value, limits } = self;
        let (row, column, value) = (row.clone(), column.clone(), value.clone());
        CscMatrix::new_from_triplets(limits.len(), variables, row, column, value)
    }
}
