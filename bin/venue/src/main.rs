//! `venue`: the simulated venue as a program.

use clap::{ArgGroup, Parser};
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
/// It plays daily bars (of a seeded synthetic market, or your own), matches orders at the opening
/// price with spread and impact, and streams trade updates. Without a clock that runs, move it:
///
///     curl -X POST http://127.0.0.1:8777/aurora/v1/clock -d '{"now": "2024-01-03T14:30:00Z"}'
///
/// Prints its URLs as one line of JSON, then serves until SIGTERM or Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "venue", version, verbatim_doc_comment)]
#[command(group = ArgGroup::new("what").args(["synthetic", "bars"]).required(true))]
struct Arguments {
    /// Play the synthetic market of this seed: the same bars bit for bit on every run
    #[arg(long, value_name = "SEED")]
    synthetic: Option<u64>,
    /// Of the synthetic market
    #[arg(long, default_value_t = 130, value_parser = clap::value_parser!(u16).range(1..=2000))]
    symbols: u16,
    /// Of the synthetic market; the first is 2019-01-02
    #[arg(long, default_value_t = 1260, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sessions: u32,
    /// Play these bars: a prices.parquet as `aurora import` or `aurora fetch` writes it
    #[arg(long, value_name = "FILE", requires = "sectors")]
    bars: Option<PathBuf>,
    /// Sectors of the symbols in --bars: a CSV with the columns symbol and sector
    #[arg(long, value_name = "CSV")]
    sectors: Option<PathBuf>,
    /// Dollars that the account starts with
    #[arg(long, default_value = "1000000")]
    cash: Usd,
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
    /// Secret key that clients must send
    #[arg(long, env = "VENUE_SECRET_KEY", hide_env_values = true, requires = "key_id")]
    secret_key: Option<String>,
    /// Requests per minute (Alpaca: 200); more are answered 429 [default: no limit]
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
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
    let market = match (arguments.synthetic, &arguments.bars, &arguments.sectors) {
        (Some(seed), _, _) => synthetic(seed, &arguments),
        (None, Some(bars), Some(sectors)) => given(bars, sectors)?,
        _ => return Err("say what to play: --synthetic SEED, or --bars FILE --sectors CSV".into()),
    };
    let start = start(&market, arguments.start)?;
    let seed = arguments.synthetic.unwrap_or_default();
    let exchange = ExchangeConfig::new(arguments.cash, seed, start);
    let mut config = VenueConfig::new(market, exchange);
    config.clock = arguments.clock;
    config.listen = arguments.listen;
    config.keys = arguments.key_id.zip(arguments.secret_key);
    config.rate_limit = arguments.rate_limit;
    let mut terminate = signal(SignalKind::terminate())?;
    let venue = Venue::start(config).await?;
    let urls = venue.endpoints();
    let line = serde_json::json!({
        "trading": urls.trading,
        "data": urls.data,
        "trading_stream": format!("{}/stream", urls.trading_stream),
        "clock": format!("{}/aurora/v1/clock", urls.trading),
    });
    writeln!(std::io::stdout(), "{line}")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    venue.stop().await;
    Ok(())
}

fn synthetic(seed: u64, arguments: &Arguments) -> Market {
    Market::synthetic(&SyntheticConfig {
        seed,
        symbols: usize::from(arguments.symbols),
        sessions: arguments.sessions as usize,
        ..SyntheticConfig::default()
    })
}

fn given(bars: &Path, sectors: &Path) -> Result<Market, Box<dyn Error>> {
    let bars = ingest::store::read_prices(bars)?;
    let sectors = ingest::sectors::read(sectors)?;
    Ok(Market::from_bars(bars, &sectors.sector)?)
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
        assert!(Arguments::try_parse_from(["venue"]).is_err());
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
