//! What happens whatever we do: the daily bars of a set of symbols over a run of sessions.

use super::calendar::Calendar;
use super::ids::asset_id;
use costs::Liquidity;
use messages::{Bars, Date, Member, Price, Shares, Symbol};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Sessions that liquidity is measured over (METHODS.md §5).
const WINDOW: usize = 21;

/// The market that an exchange plays: the same however it is traded.
#[derive(Clone, Debug)]
pub struct Market {
    bars: Vec<Bars>,
    assets: Vec<Asset>,
    calendar: Calendar,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    pub id: String,
    pub symbol: Symbol,
    pub name: String,
    pub sector: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MarketError {
    #[error("there is no session: give bars of one day at least")]
    Empty,
    #[error(
        "session {0} does not come after the one before it: sort the bars by date, one per day"
    )]
    Unsorted(Date),
    #[error("the columns of session {0} differ in length, or its symbols don't ascend")]
    Malformed(Date),
    #[error(
        "{symbol} on {session}: {field} is {value}; prices must be positive, volume not negative"
    )]
    BadValue { session: Date, symbol: Symbol, field: &'static str, value: String },
    #[error("{0} has no sector: add it to the sector table")]
    NoSector(Symbol),
}

impl Market {
    /// Bars as given, one entry per session, dates ascending; they decide on which days the exchange
    /// opens. A symbol may be absent from any session and does not trade then.
    ///
    /// Values that are no prices are refused. A high below the close is not: it is served as it came.
    pub fn from_bars(
        bars: Vec<Bars>,
        sectors: &BTreeMap<Symbol, String>,
    ) -> Result<Self, MarketError> {
        bars.iter().try_for_each(check)?;
        let unsorted = bars.windows(2).find(|pair| pair[0].session >= pair[1].session);
        if let Some(pair) = unsorted {
            return Err(MarketError::Unsorted(pair[1].session));
        }
        if bars.is_empty() {
            return Err(MarketError::Empty);
        }
        let symbols: BTreeSet<&Symbol> = bars.iter().flat_map(|bars| &bars.symbols).collect();
        let asset = |symbol: &Symbol| match sectors.get(symbol) {
            Some(sector) => Ok(Asset::new(symbol.clone(), symbol.0.clone(), sector.clone())),
            None => Err(MarketError::NoSector(symbol.clone())),
        };
        let assets = symbols.into_iter().map(asset).collect::<Result<_, _>>()?;
        Ok(Self::assemble(bars, assets))
    }

    pub(super) fn assemble(bars: Vec<Bars>, assets: Vec<Asset>) -> Self {
        let calendar = Calendar::new(bars.iter().map(|bars| bars.session));
        Self { bars, assets, calendar }
    }

    /// One entry per session, ascending.
    pub fn bars(&self) -> &[Bars] {
        &self.bars
    }

    /// Ascending by symbol.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    pub fn asset(&self, symbol: &Symbol) -> Option<&Asset> {
        let at = self.assets.binary_search_by(|asset| asset.symbol.cmp(symbol)).ok()?;
        Some(&self.assets[at])
    }

    /// Symbols with their sectors, as a session's universe lists them.
    pub fn members(&self) -> Vec<Member> {
        let member =
            |asset: &Asset| Member { symbol: asset.symbol.clone(), sector: asset.sector.clone() };
        self.assets.iter().map(member).collect()
    }

    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The auction price of `session`; `None` if the symbol did not trade that day.
    pub(super) fn open(&self, session: usize, symbol: &Symbol) -> Option<Price> {
        let (bars, row) = self.traded(session, symbol)?;
        Price::from_f64(bars.open[row])
    }

    pub(super) fn range(&self, session: usize, symbol: &Symbol) -> Option<(Price, Price)> {
        let (bars, row) = self.traded(session, symbol)?;
        Price::from_f64(bars.low[row]).zip(Price::from_f64(bars.high[row]))
    }

    pub(super) fn volume(&self, session: usize, symbol: &Symbol) -> Shares {
        self.traded(session, symbol)
            .map_or(Shares(0), |(bars, row)| Shares(bars.volume[row] as i64))
    }

    /// The last close within the first `sessions` sessions.
    pub(super) fn last_close(&self, sessions: usize, symbol: &Symbol) -> Option<Price> {
        let closes = self.bars[..sessions].iter().rev();
        closes.filter_map(|bars| Some(bars.close[bars.row(symbol)?])).find_map(Price::from_f64)
    }

    /// Measured over the 21 sessions before `session`, or as many of them as the symbol has bars for;
    /// `None` with fewer than two. The standard deviation of a single return is its size.
    pub fn liquidity(&self, session: usize, symbol: &Symbol) -> Option<Liquidity> {
        let from = session.saturating_sub(WINDOW + 1);
        let row = |bars: &Bars| {
            bars.row(symbol).map(|row| (bars.close[row], bars.close[row] * bars.volume[row]))
        };
        let rows: Vec<(f64, f64)> = self.bars[from..session].iter().filter_map(row).collect();
        let returns: Vec<f64> = rows.windows(2).map(|pair| (pair[1].0 / pair[0].0).ln()).collect();
        let last = &rows[rows.len().saturating_sub(WINDOW)..];
        let adv = last.iter().map(|(_, dollars)| dollars).sum::<f64>() / last.len() as f64;
        let sigma_daily = deviation(&returns)?;
        (adv > 0.0).then_some(Liquidity { adv, sigma_daily })
    }

    fn traded(&self, session: usize, symbol: &Symbol) -> Option<(&Bars, usize)> {
        let bars = self.bars.get(session)?;
        let row = bars.row(symbol)?;
        (bars.volume[row] > 0.0).then_some((bars, row))
    }
}

impl Asset {
    pub(super) fn new(symbol: Symbol, name: String, sector: String) -> Self {
        Self { id: asset_id(&symbol), symbol, name, sector }
    }
}

fn deviation(returns: &[f64]) -> Option<f64> {
    let n = returns.len() as f64;
    match returns {
        [] => None,
        [only] => Some(only.abs()),
        _ => {
            let mean = returns.iter().sum::<f64>() / n;
            let squares = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>();
            Some((squares / (n - 1.0)).sqrt())
        }
    }
}

fn check(bars: &Bars) -> Result<(), MarketError> {
    let session = bars.session;
    if !bars.is_well_formed() {
        return Err(MarketError::Malformed(session));
    }
    let prices = [
        ("open", &bars.open),
        ("high", &bars.high),
        ("low", &bars.low),
        ("close", &bars.close),
        ("raw close", &bars.raw_close),
    ];
    let bad = |field, row: usize, value: f64| {
        let symbol = bars.symbols[row].clone();
        MarketError::BadValue { session, symbol, field, value: value.to_string() }
    };
    for (field, column) in prices {
        if let Some(row) = column.iter().position(|price| Price::from_f64(*price).is_none()) {
            return Err(bad(field, row, column[row]));
        }
    }
    let volume_is_bad = |volume: &f64| !(0.0..9e15).contains(volume);
    match bars.volume.iter().position(volume_is_bad) {
        Some(row) => Err(bad("volume", row, bars.volume[row])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn bars(day: i8, rows: &[(&str, f64, f64)]) -> Bars {
        let mut bars = Bars::empty(date(2024, 1, day));
        for (symbol, price, volume) in rows {
            bars.push(Symbol::from(*symbol), [*price, *price, *price, *price, *volume, *price]);
        }
        bars
    }

    fn sectors() -> BTreeMap<Symbol, String> {
        [("A", "Energy"), ("B", "Energy")].map(|(s, sector)| (s.into(), sector.into())).into()
    }

    #[test]
    fn a_market_needs_sessions_in_order_sectors_and_prices() {
        let good = || bars(2, &[("A", 10.0, 1e6)]);
        let refused = |bars| Market::from_bars(bars, &sectors()).unwrap_err().to_string();
        assert!(refused(vec![]).contains("no session"));
        assert!(refused(vec![good(), good()]).contains("2024-01-02 does not come after"));
        assert!(refused(vec![bars(2, &[("C", 1.0, 1.0)])]).contains("C has no sector"));
        let nan = refused(vec![bars(2, &[("A", f64::NAN, 1.0)])]);
        assert!(nan.contains("A on 2024-01-02: open is NaN"), "{nan}");
        assert!(refused(vec![bars(2, &[("A", 1.0, -1.0)])]).contains("volume is -1"));
        let mut ragged = good();
        ragged.open.pop();
        assert!(refused(vec![ragged]).contains("differ in length"));
    }

    #[test]
    fn liquidity_is_measured_before_the_session_and_nowhere_else() {
        let mut days: Vec<Bars> =
            [(2, 100.0), (3, 110.0), (4, 99.0)].map(|(d, p)| bars(d, &[("A", p, 1000.0)])).into();
        let market = Market::from_bars(days.clone(), &sectors()).unwrap();
        let symbol = Symbol::from("A");
        assert_eq!(market.liquidity(0, &symbol), None);
        assert_eq!(market.liquidity(1, &symbol), None);
        let two = market.liquidity(2, &symbol).unwrap();
        assert_eq!((two.adv, two.sigma_daily), (105_000.0, (110.0_f64 / 100.0).ln()));
        let three = market.liquidity(3, &symbol).unwrap();
        let (r1, r2) = ((1.1_f64).ln(), (0.9_f64).ln());
        assert!((three.sigma_daily - (r1 - r2).abs() / 2.0_f64.sqrt()).abs() < 1e-12);
        days[2] = bars(4, &[("A", 1.0, 5.0)]);
        let other = Market::from_bars(days, &sectors()).unwrap();
        assert_eq!(other.liquidity(2, &symbol), Some(two));
    }

    #[test]
    fn no_volume_is_no_trade() {
        let days =
            vec![bars(2, &[("A", 10.0, 0.0), ("B", 5.0, 10.0)]), bars(3, &[("B", 6.0, 9.0)])];
        let market = Market::from_bars(days, &sectors()).unwrap();
        let (a, b) = (Symbol::from("A"), Symbol::from("B"));
        assert_eq!(market.open(0, &a), None);
        assert_eq!(market.open(1, &a), None);
        assert_eq!(market.open(1, &b), Some(Price(6_000_000)));
        assert_eq!(market.volume(1, &a), Shares(0));
        assert_eq!(market.last_close(2, &a), Some(Price(10_000_000)));
        assert_eq!(market.last_close(0, &a), None);
    }
}
