//! `venue`: the simulated venue as a program.

mod coins;

use clap::{Parser, ValueEnum};
use exchange::calendar::is_xnys_session;
use exchange::{ExchangeConfig, Market, SyntheticConfig};
use messages::{Date, Time, Usd};
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use venue::{ClockMode, Venue, VenueConfig};

/// An Alpaca-compatible venue on this machine: point a client's trading, data and stream URLs at it.
///
/// It plays daily bars (of a seeded synthetic market, or your own) as a tape of trades, four a minute,
/// matches stock and crypto orders against it with spread and impact, and serves the REST APIs and
/// websockets of trading and market data. All it needs has a default:
///
///     venue --listen 127.0.0.1:8777
///
/// Without a clock that runs, move it:
///
///     curl -X POST http://127.0.0.1:8777/aurora/v1/clock -d '{"now": "2023-10-10T14:30:00Z"}'
///
/// Movements of the account that are no trade (dividends, fees, interest, transfers, splits, changes of symbol) happen
/// when they are booked, as Alpaca lists them; "unlisted": true moves the account and tells nobody why:
///
///     curl -X POST http://127.0.0.1:8777/aurora/v1/activities -d '{"activity_type": "DIV", "symbol": "AAPL",
///       "qty": "100", "per_share_amount": "0.24", "net_amount": "24.00"}'
///
/// Faults on request: latency, 429s, errors after an order was taken, lost, doubled and swapped stream
/// messages, disconnects, half-open sockets, slow and truncated answers, repeated and empty pages, a
/// skewed clock, slow cancels. For example, a fifth of all orders answered 504 although they were taken:
///
///     curl -X POST http://127.0.0.1:8777/aurora/v1/faults -d '{"seed": 7, "rules": [{"kind": "error",
///       "status": 504, "match": {"method": "POST", "path": "/v2/orders"}, "share": 0.2}]}'
///
/// GET tells how often each rule fired, DELETE ends them. Kinds, with their parameters:
///
///     latency     ms (200) jitter_ms (0) when: before (default) or after the work is done
///     rate_limit  headers (true) burst (1) ms (1000): until the reset that they name
///     error       status (503) when (after) burst (1)
///     disconnect half_open  when (after)
///     slow        bytes (64) each ms (20)           truncate  bytes (half) transport (false)
///     clock_skew  ms (60000)                        lag       ms (500) of cancels and replaces
///     repeat_page empty_page                        drop duplicate reorder (stream messages)
///
/// Each rule: share (1), after (0: let through first), count (no limit), match: method, path (its
/// beginning), contains (in the query or the message), on: requests or messages (of websockets).
///
/// Prints its URLs as one line of JSON, then serves until SIGTERM or Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "venue", version, verbatim_doc_comment)]
struct Arguments {
    /// Play the synthetic market of this seed: the same bars bit for bit on every run
    #[arg(long, value_name = "SEED", default_value_t = 1, conflicts_with = "bars")]
    synthetic: u64,
    /// Of the synthetic market
    #[arg(long, default_value_t = 130, value_parser = clap::value_parser!(u16).range(1..=2000))]
    symbols: u16,
    /// Of the synthetic market; the first is 2019-01-02 [default: 1260; with --clock real as many as
    /// reach to the end of next year, so that there are past ones and future ones]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sessions: Option<u32>,
    /// Play these bars: a prices.parquet as `aurora import` or `aurora fetch` writes it
    #[arg(long, value_name = "FILE", requires = "sectors")]
    bars: Option<PathBuf>,
    /// Sectors of the symbols in --bars: a CSV with the columns symbol and sector
    #[arg(long, value_name = "CSV", requires = "bars")]
    sectors: Option<PathBuf>,
    /// Daily bars of coins beside --bars: a CSV with the columns symbol (BTC/USD), date, open, high,
    /// low, close, volume
    #[arg(long, value_name = "CSV", requires = "bars")]
    crypto: Option<PathBuf>,
    /// Dollars that the account starts with
    #[arg(long, default_value = "1000000")]
    cash: Usd,
    /// Buying power in multiples of equity: 1 (cash account), 2 or 4
    #[arg(long, default_value_t = 4, value_parser = multiplier)]
    multiplier: u8,
    /// The account starts long-only (PATCH /v2/account/configurations changes it)
    #[arg(long)]
    no_shorting: bool,
    /// Share of fills that come in two pieces, as 10 % do on Alpaca's paper venue
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    partial_fills: f64,
    /// `stepped`: moved by POST /aurora/v1/clock; `real`: this machine's; `60x`: a minute a second
    #[arg(long, default_value = "stepped")]
    clock: ClockMode,
    /// Session whose morning (08:00 New York) the clock starts at [default: the 60th from the end]
    #[arg(long, value_name = "DATE")]
    start: Option<Date>,
    /// Port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Key id that clients must send; everybody is let in without one
    #[arg(long, env = "VENUE_KEY_ID", requires = "secret_key")]
    key_id: Option<String>,
    /// Secret key that clients must send; it is the OAuth token as well
    #[arg(long, env = "VENUE_SECRET_KEY", hide_env_values = true, requires = "key_id")]
    secret_key: Option<String>,
    /// Requests per minute to the trading API (Alpaca: 200); more are answered 429
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rate_limit: u32,
    /// Requests per minute to the data API [default: the plan's]
    #[arg(long, value_name = "N")]
    data_rate_limit: Option<u32>,
    /// Of market data. `basic`: 200 requests a minute, 30 symbols on the stock stream, no SIP stream, SIP
    /// data by REST only when 15 minutes old; `plus`: 10000 requests a minute and everything
    #[arg(long, value_enum, default_value = "plus")]
    plan: Plan,
    /// Remember orders, positions and settings here, and go on from there at the next start
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Plan {
    Basic,
    Plus,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "venue: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let config = config(&arguments)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let venue = Venue::start(config).await?;
    let urls = venue.endpoints();
    let line = serde_json::json!({
        "trading": urls.trading,
        "data": urls.data,
        "data_stream": urls.data_stream,
        "trading_stream": format!("{}/stream", urls.trading_stream),
        "clock": format!("{}/aurora/v1/clock", urls.trading),
        "faults": format!("{}/aurora/v1/faults", urls.trading),
    });
    writeln!(std::io::stdout(), "{line}")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    venue.stop().await;
    Ok(())
}

fn config(arguments: &Arguments) -> Result<VenueConfig, Box<dyn Error>> {
    let market = match (&arguments.bars, &arguments.sectors) {
        (Some(bars), Some(sectors)) => given(bars, sectors, arguments.crypto.as_deref())?,
        _ => synthetic(arguments),
    };
    let start = start(&market, arguments.start)?;
    let mut exchange = ExchangeConfig::new(arguments.cash, arguments.synthetic, start);
    exchange.multiplier = arguments.multiplier;
    exchange.partial_fills = arguments.partial_fills;
    let mut config = VenueConfig::new(market, exchange);
    config.clock = arguments.clock;
    config.listen = arguments.listen;
    config.keys = arguments.key_id.clone().zip(arguments.secret_key.clone());
    config.rate_limit = Some(arguments.rate_limit);
    let plan = if arguments.plan == Plan::Basic { 200 } else { 10_000 };
    config.data_rate_limit = Some(arguments.data_rate_limit.unwrap_or(plan));
    if arguments.plan == Plan::Basic {
        config.recent_sip = false;
        (config.feed.sip, config.feed.symbols_max) = (false, Some(30));
    }
    config.no_shorting = arguments.no_shorting;
    config.state.clone_from(&arguments.state);
    Ok(config)
}

fn synthetic(arguments: &Arguments) -> Market {
    let usual = SyntheticConfig::default();
    let sessions = match (arguments.sessions, arguments.clock) {
        (Some(sessions), _) => sessions as usize,
        (None, ClockMode::Real) => sessions_until_next_year(usual.first),
        (None, _) => usual.sessions,
    };
    Market::synthetic(&SyntheticConfig {
        seed: arguments.synthetic,
        symbols: usize::from(arguments.symbols),
        sessions,
        ..usual
    })
}

/// From `first` to the end of the year after this one.
fn sessions_until_next_year(first: Date) -> usize {
    let this_year = jiff::Zoned::now().date().year();
    let days = std::iter::successors(Some(first), |date| date.tomorrow().ok());
    let until = days.take_while(|date| date.year() <= this_year + 1);
    until.filter(|date| is_xnys_session(*date)).count()
}

fn given(bars: &Path, sectors: &Path, crypto: Option<&Path>) -> Result<Market, Box<dyn Error>> {
    let bars = ingest::store::read_prices(bars)?;
    let sectors = ingest::sectors::read(sectors)?;
    let market = Market::from_bars(bars, &sectors.sector)?;
    match crypto {
        Some(path) => Ok(market.with_crypto(coins::read(path)?)?),
        None => Ok(market),
    }
}

fn multiplier(text: &str) -> Result<u8, String> {
    match text {
        "1" => Ok(1),
        "2" => Ok(2),
        "4" => Ok(4),
        _ => Err("1, 2 or 4".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "between 0 and 1".to_owned())
}

fn start(market: &Market, date: Option<Date>) -> Result<Time, String> {
    let sessions = market.calendar().sessions();
    let (first, last) = (sessions[0].date, sessions[sessions.len() - 1].date);
    let date = date.unwrap_or(sessions[sessions.len().saturating_sub(60)].date);
    if date < first || date > last {
        return Err(format!("--start {date} lies outside of the bars, {first} to {last}"));
    }
    Ok(market.calendar().instant(date, jiff::civil::Time::constant(8, 0, 0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let plain = Arguments::try_parse_from(["venue"]).unwrap();
        assert_eq!((plain.synthetic, plain.clock), (1, ClockMode::Stepped));
        assert!(Arguments::try_parse_from(["venue", "--multiplier", "3"]).is_err());
        assert!(Arguments::try_parse_from(["venue", "--bars", "x"]).is_err());
        assert!(Arguments::try_parse_from(["venue", "--synthetic", "1", "--bars", "x"]).is_err());
        let good = ["venue", "--synthetic", "1", "--clock", "60x", "--cash", "250000.50"];
        let good = Arguments::try_parse_from(good).unwrap();
        assert_eq!(good.cash, Usd(250_000_500_000));
    }

    #[test]
    fn the_start_lies_within_the_bars() {
        let market = Market::synthetic(&SyntheticConfig {
            symbols: 1,
            sessions: 3,
            ..SyntheticConfig::default()
        });
        assert!(start(&market, Some(jiff::civil::date(2018, 12, 31))).is_err());
        let at = start(&market, None).unwrap();
        assert_eq!(
            market.calendar().local(at).to_string(),
            "2019-01-02T08:00:00-05:00[America/New_York]"
        );
    }
}
