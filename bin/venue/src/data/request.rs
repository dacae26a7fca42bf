//! What market data is asked for, checked.

use super::names::{AsOf, Named};
use super::page::Token;
use crate::reply::{Refused, bad_parameter};
use crate::state::App;
use exchange::{Asset, AssetClass};
use jiff::civil::Date;
use messages::Time;
use std::collections::{BTreeMap, BTreeSet};

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
const LOCATIONS: [&str; 5] = ["us", "us-1", "us-2", "eu-1", "bs-1"];
const MINUTE: i64 = 60_000_000_000;

pub(super) type Query = BTreeMap<String, String>;

/// Who asks for which assets.
pub(super) struct Scope<'a> {
    pub(super) app: &'a App,
    pub(super) query: &'a Query,
    pub(super) class: AssetClass,
    /// Places in the market, ascending by symbol, each once. Unknown symbols are left out, and so is
    /// everybody where nothing of this is traded.
    pub(super) assets: Vec<usize>,
    /// The symbols that were asked for, ascending, each once; none where nothing of this is traded.
    names: Vec<&'a str>,
    pub(super) feed: Feed,
    /// What happened by then may be shown.
    pub(super) now: Time,
}

/// Whose trades are asked for. There is one tape, and IEX's is all of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    Sip,
    Iex,
    /// The consolidated tape, a quarter of an hour late.
    DelayedSip,
    /// Over the counter, by night: there, nothing of this market is traded.
    Elsewhere,
}

/// A stretch of history, to be had in pages.
pub(super) struct History {
    /// Both included.
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) limit: usize,
    pub(super) descending: bool,
    /// The last item of the page before.
    pub(super) after: Option<Token>,
    /// Where it was asked for.
    pub(super) currency: Option<String>,
}

impl<'a> Scope<'a> {
    /// Of the symbols in the query.
    pub(super) fn of_query(
        app: &'a App,
        query: &'a Query,
        class: AssetClass,
    ) -> Result<Self, Refused> {
        let symbols =
            value(query, "symbols").ok_or_else(|| bad_parameter("symbols is required"))?;
        Self::new(app, query, class, symbols)
    }

    /// Of the one share in the path.
    pub(super) fn single(app: &'a App, query: &'a Query, symbol: &'a str) -> Result<Self, Refused> {
        well_formed(symbol, AssetClass::UsEquity)?;
        Self::new(app, query, AssetClass::UsEquity, symbol)
    }

    /// Of pairs, wherever they are said to trade: all places have the same.
    pub(super) fn crypto(app: &'a App, query: &'a Query, location: &str) -> Result<Self, Refused> {
        if !LOCATIONS.contains(&location) {
            return Err(bad_parameter(format!("invalid location: {location}")));
        }
        Self::of_query(app, query, AssetClass::Crypto)
    }

    fn new(
        app: &'a App,
        query: &'a Query,
        class: AssetClass,
        symbols: &'a str,
    ) -> Result<Self, Refused> {
        let names = symbols.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: BTreeSet<&str> = names.collect();
        if names.is_empty() {
            return Err(bad_parameter("symbols is required"));
        }
        names.iter().try_for_each(|name| well_formed(name, class))?;
        let of_class = |asset: &usize| app.market.assets()[*asset].class == class;
        let found = names.iter().filter_map(|name| app.market.find(name));
        let mut scope = Self::of_assets(app, query, class, found.filter(of_class).collect())?;
        if scope.feed != Feed::Elsewhere {
            scope.names = names.into_iter().collect();
        }
        Ok(scope)
    }

    /// Whose history is asked for, ascending by name, as of the day that is asked for.
    pub(super) fn named(&self) -> Result<Vec<Named<'a>>, Refused> {
        let asof = self.asof()?;
        let today = self.app.market.calendar().local(self.now).date();
        let market = &self.app.market;
        let find = |name: &&'a str| match self.class {
            AssetClass::UsEquity => Named::find(market, name, asof, today),
            AssetClass::Crypto => Some(Named::whole(market.find(name)?, name)),
        };
        let of_class = |named: &Named| self.info(named.asset).class == self.class;
        Ok(self.names.iter().filter_map(find).filter(of_class).collect())
    }

    /// Of all there are of a class.
    pub(super) fn everything(
        app: &'a App,
        query: &'a Query,
        class: AssetClass,
    ) -> Result<Self, Refused> {
        let all = app.market.assets().iter().enumerate();
        let of_class = all.filter(|(_, asset)| asset.class == class);
        Self::of_assets(app, query, class, of_class.map(|(at, _)| at).collect())
    }

    fn of_assets(
        app: &'a App,
        query: &'a Query,
        class: AssetClass,
        mut assets: Vec<usize>,
    ) -> Result<Self, Refused> {
        let feed = feed(app, query, class)?;
        if feed == Feed::Elsewhere {
            assets.clear();
        }
        let now = app.turn(|state| state.exchange.now());
        // Without the rights to more, the SIP ends where its delayed feed does.
        let delayed = feed == Feed::DelayedSip || (feed == Feed::Sip && !app.recent_sip);
        let late = if delayed && class == AssetClass::UsEquity { 15 * MINUTE } else { 0 };
        let now = Time(now.0.saturating_sub(late));
        Ok(Self { app, query, class, assets, names: Vec::new(), feed, now })
    }

    pub(super) fn info(&self, asset: usize) -> &Asset {
        &self.app.market.assets()[asset]
    }

    /// The parameters that all histories share.
    pub(super) fn history(&self) -> Result<History, Refused> {
        let query = self.query;
        let limit = match value(query, "limit").map(str::parse) {
            None => LIMIT_DEFAULT,
            Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
            Some(_) => return Err(bad_parameter("limit must be between 1 and 10000")),
        };
        let descending = match value(query, "sort") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(other) => return Err(bad_parameter(format!("invalid sort: {other}"))),
        };
        let (start, end) = (self.bound("start", false)?, self.bound("end", true)?);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            return Err(bad_parameter("end should not be before start"));
        }
        let calendar = self.app.market.calendar_of(self.class);
        let today = calendar.local(self.now).date();
        let today = calendar.instant(today, jiff::civil::Time::midnight());
        Ok(History {
            start: start.unwrap_or(today),
            end: end.unwrap_or(self.now).min(self.now),
            limit,
            descending,
            after: value(query, "page_token").map(|text| self.token(text)).transpose()?,
            currency: self.currency()?,
        })
    }

    /// The end of the page before, which is one of this question.
    fn token(&self, text: &str) -> Result<Token, Refused> {
        let token = Token::read(text)?;
        if !self.names.contains(&token.symbol.as_str()) {
            let symbol = token.symbol;
            let problem = format!("page_token is of another request: {symbol} is not asked for");
            return Err(bad_parameter(problem));
        }
        Ok(token)
    }

    /// RFC 3339, or a date: all of it, in New York for shares and in UTC for crypto.
    fn bound(&self, name: &str, last: bool) -> Result<Option<Time>, Refused> {
        let Some(text) = value(self.query, name) else {
            return Ok(None);
        };
        if let Ok(time) = alpaca::time::parse_bound(text) {
            return Ok(Some(time));
        }
        let wrong =
            || bad_parameter(format!("invalid {name}: {text} is neither RFC-3339 nor YYYY-MM-DD"));
        let date = alpaca::time::bound_date(date(text).ok_or_else(wrong)?);
        let calendar = self.app.market.calendar_of(self.class);
        let midnight = |date| calendar.instant(date, jiff::civil::Time::midnight());
        if last {
            let next = date.tomorrow().map_err(|_| wrong())?;
            return Ok(Some(Time(midnight(next).0 - 1)));
        }
        Ok(Some(midnight(date)))
    }

    fn asof(&self) -> Result<AsOf, Refused> {
        match value(self.query, "asof") {
            None => Ok(AsOf::Today),
            Some("-") => Ok(AsOf::Never),
            Some(text) => match date(text) {
                Some(day) => Ok(AsOf::Day(day)),
                None => Err(bad_parameter(format!("invalid asof: {text}"))),
            },
        }
    }

    fn currency(&self) -> Result<Option<String>, Refused> {
        match value(self.query, "currency") {
            None => Ok(None),
            Some("USD") => Ok(Some("USD".to_owned())),
            Some(other) => Err(bad_parameter(format!("invalid currency: {other}; only USD here"))),
        }
    }
}

impl History {
    /// Start and end of what of one symbol, which has nothing before `first`, is still to come; `None` if it was
    /// on an earlier page.
    pub(super) fn rest(&self, named: &Named, first: Time) -> Option<(Time, Time)> {
        let whole = (self.start.max(first), self.end.min(named.through));
        let Some(token) = &self.after else {
            return Some(whole);
        };
        match (named.label.cmp(token.symbol.as_str()), self.descending) {
            (std::cmp::Ordering::Less, _) => None,
            (std::cmp::Ordering::Greater, _) => Some(whole),
            (_, false) => Some((Time(token.at.0.saturating_add(1)).max(whole.0), whole.1)),
            (_, true) => Some((whole.0, Time(token.at.0.saturating_sub(1)).min(whole.1))),
        }
    }
}

pub(super) fn value<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// `YYYY-MM-DD`, and nothing else that might pass for a date.
fn date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10)
}

fn well_formed(name: &str, class: AssetClass) -> Result<(), Refused> {
    let upper = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
    match class {
        AssetClass::UsEquity => {
            let sound =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.';
            let sound = name.bytes().all(sound) && !name.starts_with('.');
            if sound { Ok(()) } else { Err(bad_parameter(format!("invalid symbol: {name}"))) }
        }
        AssetClass::Crypto => {
            let sound = name.split_once('/').is_some_and(|(coin, money)| {
                upper(coin.strip_suffix('x').unwrap_or(coin)) && upper(money)
            });
            let wrong = || format!("invalid symbol: {name} does not match ^[A-Z]+x?/[A-Z]+$");
            if sound { Ok(()) } else { Err(bad_parameter(wrong())) }
        }
    }
}

/// Crypto has none: what is sent is ignored.
/// Without a name: the best of the plan.
fn feed(app: &App, query: &Query, class: AssetClass) -> Result<Feed, Refused> {
    match value(query, "feed") {
        _ if class == AssetClass::Crypto => Ok(Feed::Sip),
        None if !app.recent_sip => Ok(Feed::Iex),
        None | Some("sip") => Ok(Feed::Sip),
        Some("iex") => Ok(Feed::Iex),
        Some("delayed_sip") => Ok(Feed::DelayedSip),
        Some("otc" | "boats" | "overnight") => Ok(Feed::Elsewhere),
        Some(other) => Err(bad_parameter(format!("invalid feed: {other}"))),
    }
}
