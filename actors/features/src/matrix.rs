use crate::columns::Columns;
use crate::factors;
use crate::series::Series;
use crate::transform::Guard;
use crate::whitelist;
use messages::{Date, Exposures, FactorCovariance, Features, Symbol};

/// The features of one session where they were worked out: nothing is copied until somebody asks.
#[derive(Copy, Clone, Debug)]
pub struct CrossSection<'a> {
    pub session: Date,
    /// One row each, ascending.
    pub symbols: &'a [Symbol],
    /// One column per feature of the whitelist; NaN where missing or not eligible.
    pub raw: &'a Columns,
    /// After the cross-sectional transform, same shape.
    pub values: &'a Columns,
    /// Member with a sector, a valid bar, price, liquidity and history: in the cross-section.
    pub eligible: &'a [bool],
    /// Eligible, and with at least 80 % of its features.
    pub tradable: &'a [bool],
    /// Codes, as of this session.
    pub sectors: &'a [usize],
    /// Features (by place in the whitelist) that a guard refused today.
    pub refused: &'a [(usize, Guard)],
    /// How often each guard fired, none that did not.
    pub guards: &'a [(&'static str, u32)],
    pub(crate) exposures: &'a Columns,
    pub(crate) series: &'a Series,
    pub(crate) sector_names: &'a [String],
}

/// Columns of `exposures`.
pub(crate) mod exposure {
    pub(crate) const BETA: usize = 0;
    pub(crate) const SIGMA: usize = 1;
    pub(crate) const IDIO: usize = 2;
    pub(crate) const ADV: usize = 3;
    pub(crate) const CLOSE: usize = 4;
    pub(crate) const COUNT: usize = 5;
}

impl CrossSection<'_> {
    /// Vasicek beta of each name, also of those that may not be traded.
    pub fn beta(&self) -> &[f64] {
        &self.exposures[exposure::BETA]
    }

    /// Without [`Self::factors`].
    pub fn exposures(&self) -> Exposures {
        let column = |column: usize| self.exposures[column].to_vec().into();
        Exposures {
            beta: column(exposure::BETA),
            sigma_daily: column(exposure::SIGMA),
            idio_daily: column(exposure::IDIO),
            adv: column(exposure::ADV),
            close: column(exposure::CLOSE),
            factors: None,
        }
    }

    /// How market and sectors move together; `None` in the first year. Costs more than all features do, and only
    /// risk reads it: worked out where somebody asks.
    pub fn factors(&self) -> Option<FactorCovariance> {
        let Self { series, eligible, sectors, sector_names, .. } = self;
        factors::covariance(series, eligible, self.beta(), sectors, sector_names)
    }

    /// Appends the transformed features of one name as a model reads them. Here, and nowhere else, they
    /// become `f32`, for training and serving alike.
    pub fn append_row(&self, row: usize, into: &mut Vec<f32>) {
        self.values.append_row(row, into, |x| x as f32);
    }

    /// As [`Features`], which see, without [`Self::factors`].
    pub fn features(&self) -> Features {
        let (mut raw, mut values) = (Vec::new(), Vec::new());
        self.raw.append_rows(&mut raw, |x| x);
        (0..self.symbols.len()).for_each(|row| self.append_row(row, &mut values));
        let guards = self.guards.iter();
        Features {
            session: self.session,
            symbols: self.symbols.to_vec(),
            names: whitelist::names().map(str::to_owned).to_vec(),
            whitelist_sha256: whitelist::sha256(),
            values: values.into(),
            raw: raw.into(),
            // A row with too few features keeps its values; it is neither trained on nor traded.
            eligible: self.tradable.to_vec(),
            exposures: self.exposures(),
            guards: guards.map(|(guard, times)| ((*guard).to_owned(), *times)).collect(),
        }
    }

    /// As a copy that stays.
    pub fn matrix(&self) -> Matrix {
        let (mut raw, mut values) = (Vec::new(), Vec::new());
        self.raw.append_rows(&mut raw, |x| x);
        self.values.append_rows(&mut values, |x| x);
        Matrix {
            session: self.session,
            symbols: self.symbols.to_vec(),
            raw,
            values,
            eligible: self.eligible.to_vec(),
            tradable: self.tradable.to_vec(),
            exposures: Exposures { factors: self.factors(), ..self.exposures() },
            guards: self.guards.to_vec(),
        }
    }
}

/// The features of one session in full precision: what [`Features`] is rounded from.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub session: Date,
    /// One row each, ascending.
    pub symbols: Vec<Symbol>,
    /// Row-major, [`whitelist::COUNT`] columns; NaN where missing or not eligible.
    pub raw: Vec<f64>,
    /// After the cross-sectional transform, same shape.
    pub values: Vec<f64>,
    /// Member with a sector, a valid bar, price, liquidity and history: in the cross-section.
    pub eligible: Vec<bool>,
    /// Eligible, and with at least 80 % of its features.
    pub tradable: Vec<bool>,
    pub exposures: Exposures,
    /// How often each guard fired, none that did not.
    pub guards: Vec<(&'static str, u32)>,
}
