use messages::{Bars, Date, Symbol, sha256_hex};
use std::collections::BTreeMap;

/// Cash dividends by name and ex-date, in dollars per share as they were paid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dividends(BTreeMap<Symbol, BTreeMap<Date, f64>>);

impl Dividends {
    /// Several of one name on one day add up.
    pub fn new(paid: impl IntoIterator<Item = (Symbol, Date, f64)>) -> Self {
        let mut dividends = Self::default();
        for (symbol, ex_date, amount) in paid {
            *dividends.0.entry(symbol).or_default().entry(ex_date).or_insert(0.0) += amount;
        }
        dividends
    }

    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Equal if and only if the dividends are.
    pub fn sha256(&self) -> String {
        let line = |(symbol, ex_date, amount): (&Symbol, &Date, &f64)| {
            format!("{symbol}\t{ex_date}\t{:016x}\n", amount.to_bits())
        };
        let all = self.0.iter().flat_map(|(symbol, paid)| {
            paid.iter().map(move |(ex_date, amount)| (symbol, ex_date, amount))
        });
        sha256_hex(all.map(line).collect::<String>().as_bytes())
    }

    /// Ex-dates of a name with what was paid, ascending.
    pub(crate) fn of(&self, symbol: &Symbol) -> impl Iterator<Item = (Date, f64)> {
        let paid = self.0.get(symbol).into_iter().flatten();
        paid.map(|(ex_date, amount)| (*ex_date, *amount))
    }

    /// What one share that is bought in the first of the sessions and sold in the last brings in, in the prices
    /// of these bars: a dividend is adjusted as its day's close is.
    pub(crate) fn paid(&self, symbol: &Symbol, held: &[Bars]) -> f64 {
        let (Some(paid), [entry, .., exit]) = (self.0.get(symbol), held) else { return 0.0 };
        let Ok(after) = entry.session.tomorrow() else { return 0.0 };
        if after > exit.session {
            return 0.0;
        }
        let adjusted = |(ex_date, amount): (&Date, &f64)| {
            let known = held.iter().rev().filter(|bars| bars.session <= *ex_date);
            let factor = known.filter_map(|bars| {
                let row = bars.row(symbol)?;
                Some(bars.close[row] / bars.raw_close[row])
            });
            amount * factor.into_iter().next().unwrap_or(1.0)
        };
        paid.range(after..=exit.session).map(adjusted).sum()
    }
}
