//! Daily bars by the page, written straight into the answer.

use crate::reply::{Refused, Reply, bad_parameter, raw};
use crate::state::App;
use crate::trading::{Parameters, moment};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use exchange::Market;
use messages::{Bars, Symbol};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

/// What is asked for, checked.
struct Wanted {
    symbols: Vec<Symbol>,
    /// Sessions between the bounds whose bars exist by now.
    sessions: Range<usize>,
    limit: usize,
    descending: bool,
    /// As traded; split-adjusted otherwise.
    raw: bool,
    /// Where the page begins.
    from: Option<(Symbol, usize)>,
}

pub(crate) async fn multi(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let symbols = query.get("symbols").map(String::as_str).unwrap_or_default();
    let wanted = wanted(&app, &query, symbols)?;
    let mut page = Page::new(&app, &wanted, b"{\"bars\":{");
    for symbol in &wanted.symbols {
        page.symbol(symbol, true);
    }
    page.out.push(b'}');
    Ok(raw(StatusCode::OK, page.finish()))
}

pub(crate) async fn single(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let wanted = wanted(&app, &query, &symbol)?;
    let mut page = Page::new(&app, &wanted, b"{\"bars\":[");
    page.symbol(&wanted.symbols[0], false);
    page.out.extend_from_slice(b"],\"symbol\":");
    write(&mut page.out, &symbol);
    Ok(raw(StatusCode::OK, page.finish()))
}

fn wanted(app: &App, query: &BTreeMap<String, String>, symbols: &str) -> Result<Wanted, Refused> {
    let value = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    match value("timeframe") {
        Some("1Day" | "1D" | "Day" | "D") => {}
        Some(other) => {
            return Err(bad_parameter(format!("invalid timeframe: {other}; only 1Day here")));
        }
        None => return Err(bad_parameter("timeframe is required")),
    }
    let limit = match value("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return Err(bad_parameter("limit must be between 1 and 10000")),
    };
    let descending = match value("sort") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(bad_parameter(format!("invalid sort: {other}"))),
    };
    let raw = match value("adjustment") {
        None | Some("raw") => true,
        // There are no dividends on this venue.
        Some("split" | "all") => false,
        Some(other) => return Err(bad_parameter(format!("invalid adjustment: {other}"))),
    };
    let symbols = parse_symbols(symbols)?;
    let from = value("page_token").map(|token| untoken(app, token)).transpose()?;
    let sessions = sessions(app, query)?;
    Ok(Wanted { symbols, sessions, limit, descending, raw, from })
}

/// Ascending, each once.
fn parse_symbols(text: &str) -> Result<Vec<Symbol>, Refused> {
    let mut symbols = BTreeSet::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let sound = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.';
        if !name.bytes().all(sound) {
            return Err(bad_parameter(format!("invalid symbol: {name}")));
        }
        symbols.insert(Symbol::from(name));
    }
    if symbols.is_empty() {
        return Err(bad_parameter("symbols is required"));
    }
    Ok(symbols.into_iter().collect())
}

/// A bar exists from its session's close on; it is stamped with the session's first midnight. Without
/// a start, today's.
fn sessions(app: &App, query: &BTreeMap<String, String>) -> Result<Range<usize>, Refused> {
    let bound = |name| moment(app, query, name).map_err(|refused| bad_parameter(refused.0.message));
    let (start, end) = (bound("start")?, bound("end")?);
    let now = app.turn(|state| state.exchange.now());
    let calendar = app.market.calendar();
    let today = calendar.instant(calendar.local(now).date(), jiff::civil::Time::midnight());
    let (start, end) = (start.unwrap_or(today), end.unwrap_or(now));
    let all = calendar.sessions();
    let first = all.partition_point(|session| session.midnight < start);
    let behind = all.partition_point(|session| session.midnight <= end);
    Ok(first..behind.min(calendar.closed_by(now)).max(first))
}

/// One answer as it grows.
struct Page<'a> {
    app: &'a App,
    wanted: &'a Wanted,
    out: Vec<u8>,
    written: usize,
    some_symbol: bool,
    next: Option<(Symbol, usize)>,
}

impl<'a> Page<'a> {
    fn new(app: &'a App, wanted: &'a Wanted, head: &[u8]) -> Self {
        let mut out = Vec::with_capacity(64 + 120 * wanted.limit.min(LIMIT_MAX));
        out.extend_from_slice(head);
        Self { app, wanted, out, written: 0, some_symbol: false, next: None }
    }

    fn symbol(&mut self, symbol: &Symbol, named: bool) {
        let from = match &self.wanted.from {
            Some((first, _)) if symbol < first => return,
            Some((first, session)) if symbol == first => Some(*session),
            _ => None,
        };
        let sessions = self.wanted.sessions.clone();
        if self.wanted.descending {
            let end = from.map_or(sessions.end, |session| (session + 1).min(sessions.end));
            self.bars(symbol, (sessions.start..end).rev(), named);
        } else {
            let start = from.map_or(sessions.start, |session| session.max(sessions.start));
            self.bars(symbol, start..sessions.end, named);
        }
    }

    fn bars(&mut self, symbol: &Symbol, sessions: impl Iterator<Item = usize>, named: bool) {
        let (app, market): (&App, &Market) = (self.app, &self.app.market);
        let mut some_bar = false;
        let mut hint = 0;
        for session in sessions {
            if self.next.is_some() {
                break;
            }
            let bars = &market.bars()[session];
            let Some(row) = row(bars, symbol, hint) else {
                continue;
            };
            hint = row;
            if self.written == self.wanted.limit {
                self.next = Some((symbol.clone(), session));
                break;
            }
            if some_bar {
                self.out.push(b',');
            } else if named {
                self.name(symbol);
            }
            some_bar = true;
            self.out.extend_from_slice(app.bar_times[session].as_bytes());
            write_bar(&mut self.out, bars, row, self.wanted.raw);
            self.written += 1;
        }
        if some_bar && named {
            self.out.push(b']');
        }
    }

    fn name(&mut self, symbol: &Symbol) {
        if self.some_symbol {
            self.out.push(b',');
        }
        self.some_symbol = true;
        write(&mut self.out, symbol.as_str());
        self.out.extend_from_slice(b":[");
    }

    fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b",\"next_page_token\":");
        let token = self.next.map(|(symbol, session)| token(self.app, &symbol, session));
        write(&mut self.out, &token);
        self.out.push(b'}');
        self.out
    }
}

/// Most sessions have the same symbols in the same rows.
fn row(bars: &Bars, symbol: &Symbol, hint: usize) -> Option<usize> {
    if bars.symbols.get(hint) == Some(symbol) { Some(hint) } else { bars.row(symbol) }
}

/// The rest of the object that the time began. There is no trade count and no VWAP: the bars that this
/// venue is given have none, and it makes none up.
fn write_bar(out: &mut Vec<u8>, bars: &Bars, row: usize, raw: bool) {
    let (close, raw_close) = (bars.close[row], bars.raw_close[row]);
    let prices = [
        (&b",\"o\":"[..], bars.open[row]),
        (b",\"h\":", bars.high[row]),
        (b",\"l\":", bars.low[row]),
    ];
    // Undoing the adjustment: to hundredths of a cent, which is what an exchange quotes at most.
    let split = (raw && close != raw_close).then_some(raw_close / close);
    for (name, price) in prices {
        out.extend_from_slice(name);
        write(out, &split.map_or(price, |ratio| (price * ratio * 1e4).round() / 1e4));
    }
    out.extend_from_slice(b",\"c\":");
    write(out, if raw { &raw_close } else { &close });
    out.extend_from_slice(b",\"v\":");
    let volume = split.map_or(bars.volume[row], |ratio| bars.volume[row] / ratio);
    write(out, &(volume.round() as i64));
    out.push(b'}');
}

fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("numbers and text, into memory");
}

/// Opaque to the client: symbol and date of the first bar of the next page, in hexadecimal.
fn token(app: &App, symbol: &Symbol, session: usize) -> String {
    let date = app.market.bars()[session].session;
    format!("{symbol}@{date}").bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn untoken(app: &App, token: &str) -> Result<(Symbol, usize), Refused> {
    let byte = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(byte).collect();
    let parse = || {
        let text = String::from_utf8(bytes?).ok()?;
        let (symbol, date) = text.split_once('@')?;
        let date = date.parse().ok()?;
        let sessions = app.market.bars().binary_search_by_key(&date, |bars| bars.session);
        Some((Symbol::from(symbol), sessions.ok()?))
    };
    parse().ok_or_else(|| bad_parameter("invalid page_token"))
}
