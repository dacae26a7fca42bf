//! What happens whatever we do: daily bars of equities over a run of sessions, and of crypto over a run of
//! days.

use super::asset::{Asset, AssetClass};
use super::calendar::Calendar;
use super::path::{Path, Shape};
use super::scale::decimal;
use super::tickers::exchange_of;
use costs::{Liquidity, half_spread_bp};
use messages::{Bars, Date, Member, Symbol, Time};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use thiserror::Error;

/// Sessions that liquidity is measured over (METHODS.md §5).
const WINDOW: usize = 21;

/// The market that an exchange plays: the same however it is traded.
///
/// Assets have places: equities first, then crypto, each ascending by symbol. A session of an equity is one
/// of XNYS, of a pair a day of UTC; sessions are counted in each class by itself.
#[derive(Clone, Debug)]
pub struct Market {
    assets: Vec<Asset>,
    /// How many of the assets are equities.
    equities: usize,
    stocks: History,
    coins: History,
    worked_out: Memo,
}

/// Daily bars of one class of assets, and when they were.
#[derive(Clone, Debug)]
struct History {
    bars: Vec<Bars>,
    calendar: Calendar,
}

/// The latest path that was worked out for each asset: whoever walks a session asks for it again and
/// again. It changes no answer.
#[derive(Debug)]
struct Memo(Vec<Mutex<Latest>>);

/// A session and its path.
type Latest = Option<(usize, Arc<Path>)>;

/// One asset's bar in one session. Volume is in whole shares, or coins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    pub open: Decimal,
    pub high: Decimal,
    pub low: Decimal,
    pub close: Decimal,
    pub volume: Decimal,
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
    #[error("{0} is no pair like BTC/USD")]
    NoPair(Symbol),
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
        check(&bars, AssetClass::UsEquity)?;
        if bars.is_empty() {
            return Err(MarketError::Empty);
        }
        let asset = |symbol: &Symbol| match sectors.get(symbol) {
            Some(sector) => {
                let exchange = exchange_of(symbol.as_str());
                Ok(Asset::equity(symbol.clone(), symbol.to_string(), sector.clone(), exchange))
            }
            None => Err(MarketError::NoSector(symbol.clone())),
        };
        let assets = symbols(&bars).into_iter().map(asset).collect::<Result<_, _>>()?;
        Ok(Self::assemble(bars, assets))
    }

    /// Crypto besides: daily bars of pairs, one entry per day of UTC, dates ascending. They replace those
    /// that there were.
    pub fn with_crypto(self, days: Vec<Bars>) -> Result<Self, MarketError> {
        check(&days, AssetClass::Crypto)?;
        let last_close = |symbol: &Symbol| {
            let close = |bars: &Bars| Some(bars.close[bars.row(symbol)?]);
            days.iter()
                .rev()
                .find_map(close)
                .and_then(|close| AssetClass::Crypto.price_units(close))
        };
        let asset = |symbol: &Symbol| {
            let (coin, money) = symbol.as_str().split_once('/')?;
            let price = decimal(last_close(symbol)?, AssetClass::Crypto.price_scale());
            let name = format!("{coin} / {money}");
            let sound = !coin.is_empty() && !money.is_empty();
            sound.then(|| Asset::pair(symbol.clone(), name, price))
        };
        let pair =
            |symbol: &Symbol| asset(symbol).ok_or_else(|| MarketError::NoPair(symbol.clone()));
        let pairs = symbols(&days).into_iter().map(pair).collect::<Result<_, _>>()?;
        Ok(self.join(days, pairs))
    }

    pub(super) fn assemble(bars: Vec<Bars>, assets: Vec<Asset>) -> Self {
        let calendar = Calendar::new(bars.iter().map(|bars| bars.session));
        let coins = History { bars: Vec::new(), calendar: Calendar::around_the_clock([]) };
        let (equities, worked_out) = (assets.len(), Memo::new(assets.len()));
        Self { assets, equities, stocks: History { bars, calendar }, coins, worked_out }
    }

    pub(super) fn join(mut self, days: Vec<Bars>, pairs: Vec<Asset>) -> Self {
        let calendar = Calendar::around_the_clock(days.iter().map(|bars| bars.session));
        self.assets.truncate(self.equities);
        self.assets.extend(pairs);
        self.coins = History { bars: days, calendar };
        self.worked_out = Memo::new(self.assets.len());
        self
    }

    /// With one asset changed: not shortable, say.
    ///
    /// # Panics
    /// If there is no such symbol.
    pub fn with_asset(mut self, symbol: &str, change: impl FnOnce(&mut Asset)) -> Self {
        let at = self.find(symbol).expect("a symbol of this market");
        change(&mut self.assets[at]);
        self
    }

    /// Of equities: one entry per session, ascending.
    pub fn bars(&self) -> &[Bars] {
        &self.stocks.bars
    }

    /// One entry per session of the class, ascending.
    pub fn days(&self, class: AssetClass) -> &[Bars] {
        &self.history(class).bars
    }

    /// Equities, then crypto, each ascending by symbol.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    pub fn equities(&self) -> &[Asset] {
        &self.assets[..self.equities]
    }

    pub fn pairs(&self) -> &[Asset] {
        &self.assets[self.equities..]
    }

    /// The place of a symbol, to the letter.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        let within = |assets: &[Asset]| {
            assets.binary_search_by(|asset| asset.symbol.as_str().cmp(symbol)).ok()
        };
        within(self.equities()).or_else(|| Some(self.equities + within(self.pairs())?))
    }

    /// The place of what trading calls so: a symbol, an asset's id, or a pair without its slash.
    pub fn find_alias(&self, name: &str) -> Option<usize> {
        let joined = |asset: &Asset| {
            let halves = asset.symbol.as_str().split_once('/');
            halves.is_some_and(|(coin, money)| name.strip_prefix(coin) == Some(money))
        };
        let named = |asset: &Asset| asset.id == name || joined(asset);
        self.find(name).or_else(|| self.assets.iter().position(named))
    }

    pub fn asset(&self, symbol: &Symbol) -> Option<&Asset> {
        Some(&self.assets[self.find(symbol.as_str())?])
    }

    /// Equities with their sectors, as a session's universe lists them.
    pub fn members(&self) -> Vec<Member> {
        let member =
            |asset: &Asset| Member { symbol: asset.symbol.clone(), sector: asset.sector.clone() };
        self.equities().iter().map(member).collect()
    }

    /// Of XNYS.
    pub fn calendar(&self) -> &Calendar {
        &self.stocks.calendar
    }

    pub fn calendar_of(&self, class: AssetClass) -> &Calendar {
        &self.history(class).calendar
    }

    /// The sessions of one asset.
    pub fn sessions(&self, asset: usize) -> &Calendar {
        self.calendar_of(self.assets[asset].class)
    }

    /// The session of this asset that is on, whether or not it trades in it.
    pub fn session_of(&self, asset: usize, now: Time) -> Option<usize> {
        self.sessions(asset).session_at(now)
    }

    /// `None` without a bar, or without volume: then it does not trade in that session.
    pub fn daily(&self, asset: usize, session: usize) -> Option<Daily> {
        let shape = self.shape(asset, session)?;
        let price = |units| decimal(units, shape.price_scale);
        Some(Daily {
            open: price(shape.open),
            high: price(shape.high),
            low: price(shape.low),
            close: price(shape.close),
            volume: decimal(shape.volume, shape.size_scale),
        })
    }

    /// How many trades a session has, and their volume-weighted average price: what a daily bar shows
    /// beside its own five values. Nothing and zero where it does not trade.
    pub fn trades_and_vwap(&self, asset: usize, session: usize) -> (u64, f64) {
        self.shape(asset, session).map_or((0, 0.0), |shape| {
            let unit = 10_f64.powi(shape.price_scale as i32);
            (shape.trades() as u64, shape.vwap() as f64 / unit)
        })
    }

    /// The last close within the first `sessions` sessions.
    pub fn close_before(&self, asset: usize, sessions: usize) -> Option<Decimal> {
        let all = self.days(self.assets[asset].class);
        let (bars, row) =
            (0..sessions.min(all.len())).rev().find_map(|session| self.row(asset, session))?;
        let class = self.assets[asset].class;
        Some(decimal(class.price_units(bars.close[row])?, class.price_scale()))
    }

    /// Measured over the 21 sessions before `session`, or as many of them as the symbol has bars for;
    /// `None` with fewer than two. The standard deviation of a single return is its size.
    pub fn liquidity_of(&self, asset: usize, session: usize) -> Option<Liquidity> {
        let value = |session| {
            let (bars, row) = self.row(asset, session)?;
            Some((bars.close[row], bars.close[row] * bars.volume[row]))
        };
        let from = session.saturating_sub(WINDOW + 1);
        let rows: Vec<(f64, f64)> = (from..session).filter_map(value).collect();
        let returns: Vec<f64> = rows.windows(2).map(|pair| (pair[1].0 / pair[0].0).ln()).collect();
        let last = &rows[rows.len().saturating_sub(WINDOW)..];
        let adv = last.iter().map(|(_, dollars)| dollars).sum::<f64>() / last.len() as f64;
        let sigma_daily = deviation(&returns)?;
        (adv > 0.0).then_some(Liquidity { adv, sigma_daily })
    }

    /// Half of the spread that is quoted in a session. Of what nobody knows the volume, it is wide.
    pub(super) fn half_spread_bp(&self, asset: usize, session: usize, shape: &Shape) -> f64 {
        let adv = self.liquidity_of(asset, session).map_or(0.0, |liquidity| liquidity.adv);
        // The model's floor of half a cent is for shares.
        let price = match self.assets[asset].class {
            AssetClass::UsEquity => shape.open as f64 / 1e6,
            AssetClass::Crypto => f64::INFINITY,
        };
        half_spread_bp(adv, price)
    }

    /// What an asset's session is made from; `None` where it does not trade.
    pub(super) fn shape(&self, asset: usize, session: usize) -> Option<Shape> {
        let (bars, row) = self.row(asset, session)?;
        let class = self.assets[asset].class;
        let units = |price: f64| class.price_units(price);
        let (volume, size_scale) = class.volume_units(bars.volume[row])?;
        Some(Shape {
            open: units(bars.open[row])?,
            high: units(bars.high[row])?,
            low: units(bars.low[row])?,
            close: units(bars.close[row])?,
            volume,
            price_scale: class.price_scale(),
            size_scale,
            session: self.sessions(asset).sessions()[session],
            auctions: class == AssetClass::UsEquity,
        })
    }

    /// How a session goes; `None` where the asset does not trade.
    pub(super) fn path(&self, asset: usize, session: usize) -> Option<Arc<Path>> {
        let shape = self.shape(asset, session)?;
        let mut latest = self.worked_out.0[asset].lock().expect("a path's making does not panic");
        match &*latest {
            Some((known, path)) if *known == session => Some(Arc::clone(path)),
            _ => {
                let path = Arc::new(Path::new(shape, seed(self.assets[asset].symbol.as_str())));
                *latest = Some((session, Arc::clone(&path)));
                Some(path)
            }
        }
    }

    fn history(&self, class: AssetClass) -> &History {
        match class {
            AssetClass::UsEquity => &self.stocks,
            AssetClass::Crypto => &self.coins,
        }
    }

    /// Where an asset's daily bar is, as given; `None` if it has none. Most sessions have all symbols,
    /// each in its asset's place.
    pub fn row(&self, asset: usize, session: usize) -> Option<(&Bars, usize)> {
        let Asset { symbol, class, .. } = &self.assets[asset];
        let bars = self.days(*class).get(session)?;
        let place = if *class == AssetClass::Crypto { asset - self.equities } else { asset };
        if bars.symbols.get(place) == Some(symbol) {
            return Some((bars, place));
        }
        Some((bars, bars.row(symbol)?))
    }
}

impl Memo {
    fn new(assets: usize) -> Self {
        Self((0..assets).map(|_| Mutex::new(None)).collect())
    }
}

impl Clone for Memo {
    /// A copy works its paths out again.
    fn clone(&self) -> Self {
        Self::new(self.0.len())
    }
}

/// What tells one symbol's walk from another's: 64-bit FNV-1a.
fn seed(symbol: &str) -> u64 {
    symbol.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn symbols(bars: &[Bars]) -> BTreeSet<&Symbol> {
    bars.iter().flat_map(|bars| &bars.symbols).collect()
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

fn check(bars: &[Bars], class: AssetClass) -> Result<(), MarketError> {
    bars.iter().try_for_each(|bars| check_session(bars, class))?;
    match bars.windows(2).find(|pair| pair[0].session >= pair[1].session) {
        Some(pair) => Err(MarketError::Unsorted(pair[1].session)),
        None => Ok(()),
    }
}

fn check_session(bars: &Bars, class: AssetClass) -> Result<(), MarketError> {
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
        if let Some(row) = column.iter().position(|price| class.price_units(*price).is_none()) {
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

    fn market(days: Vec<Bars>) -> Market {
        Market::from_bars(days, &sectors()).unwrap()
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
        let pairs = |days| market(vec![good()]).with_crypto(days).unwrap_err().to_string();
        assert!(pairs(vec![good()]).contains("A is no pair like BTC/USD"));
        assert!(pairs(vec![bars(2, &[("B/USD", 1e-12, 1.0)])]).contains("open is 0.0000"));
    }

    #[test]
    fn liquidity_is_measured_before_the_session_and_nowhere_else() {
        let mut days: Vec<Bars> =
            [(2, 100.0), (3, 110.0), (4, 99.0)].map(|(d, p)| bars(d, &[("A", p, 1000.0)])).into();
        let first = market(days.clone());
        assert_eq!(first.liquidity_of(0, 0), None);
        assert_eq!(first.liquidity_of(0, 1), None);
        let two = first.liquidity_of(0, 2).unwrap();
        assert_eq!((two.adv, two.sigma_daily), (105_000.0, (110.0_f64 / 100.0).ln()));
        let three = first.liquidity_of(0, 3).unwrap();
        let (r1, r2) = ((1.1_f64).ln(), (0.9_f64).ln());
        assert!((three.sigma_daily - (r1 - r2).abs() / 2.0_f64.sqrt()).abs() < 1e-12);
        days[2] = bars(4, &[("A", 1.0, 5.0)]);
        assert_eq!(market(days).liquidity_of(0, 2), Some(two));
    }

    #[test]
    fn no_volume_is_no_trade() {
        let market = market(vec![
            bars(2, &[("A", 10.0, 0.0), ("B", 5.0, 10.0)]),
            bars(3, &[("B", 6.0, 9.0)]),
        ]);
        assert_eq!(market.daily(0, 0), None);
        assert_eq!(market.daily(0, 1), None);
        assert_eq!(market.daily(1, 1).unwrap().open, Decimal::from(6));
        assert_eq!(market.daily(1, 1).unwrap().volume, Decimal::from(9));
        assert_eq!(market.daily(1, 2), None);
        assert_eq!(market.close_before(0, 2), Some(Decimal::from(10)));
        assert_eq!(market.close_before(0, 0), None);
        assert_eq!(market.close_before(1, 99), Some(Decimal::from(6)));
        assert_eq!(market.trades_and_vwap(0, 0), (0, 0.0));
        assert_eq!(market.trades_and_vwap(1, 1), (4, 6.0));
    }

    #[test]
    fn assets_are_found_by_symbol_id_and_joined_pair() {
        let market = market(vec![bars(2, &[("A", 1.0, 9.0), ("B", 2.0, 9.0)])]);
        let market = market.with_crypto(vec![bars(2, &[("BTC/USD", 5e4, 1.5)])]).unwrap();
        let market = market.with_asset("B", |asset| asset.shortable = false);
        let symbols: Vec<&str> =
            market.assets().iter().map(|asset| asset.symbol.as_str()).collect();
        assert_eq!(symbols, ["A", "B", "BTC/USD"]);
        assert_eq!((market.equities().len(), market.pairs().len()), (2, 1));
        assert_eq!(market.members().len(), 2, "a universe is of equities");
        assert_eq!((market.find("B"), market.find("BTC/USD")), (Some(1), Some(2)));
        assert_eq!((market.find("BTCUSD"), market.find_alias("BTCUSD")), (None, Some(2)));
        assert_eq!(market.find_alias(&market.assets()[1].id), Some(1));
        assert_eq!(market.find_alias("BUSD"), None);
        assert!(!market.assets()[1].shortable && market.assets()[0].shortable);
        let terms = market.assets()[2].crypto.unwrap();
        assert_eq!(terms.min_order_size.to_string(), "0.00002");
        assert_eq!(market.daily(2, 0).unwrap().volume.to_string(), "1.5");
    }
}
