//! The command line: names, defaults and help. What each command does is in `commands/`.

use clap::{Args, Parser, Subcommand, ValueEnum};
use messages::{ActorId, Date, Env};
use std::path::PathBuf;

/// Aurora: a systematic trading system of actors over NATS.
///
/// New here? `aurora demo` runs the whole system (venue, bars, features, model, orders, report) on this machine.
/// Every command takes --json: one JSON object on stdout as the last line; progress and logs go to stderr.
#[derive(Debug, Parser)]
#[command(name = "aurora", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Working folder: data/, models/, kill.flag and aurora.toml are looked for here.
    #[arg(long, global = true, env = "AURORA_HOME", default_value = ".", value_name = "DIR")]
    pub home: PathBuf,
    /// End with one JSON object on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// Configuration file; the demo and the backtest use the shipped deploy/aurora.toml where none is named.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job on this machine: a simulated venue, bars, a model, N traded sessions, a report.
    Demo(Demo),
    /// Run every actor in this process, against Alpaca or any venue that speaks its API.
    Up(Up),
    /// Run one actor in its own process (one per machine, container or core).
    Actor(Actor),
    /// Bars from a CSV or Parquet file into data/latest/prices.parquet.
    Import(Import),
    /// Bars from Alpaca (or a venue that speaks its API) into data/latest/prices.parquet.
    Fetch(Fetch),
    /// The last trade and quote of some names, now.
    Latest(Latest),
    /// Train a model on data/latest/prices.parquet and put it into the registry.
    Train(Train),
    /// What the registry holds, and which model trades: list, show, promote, rollback, history.
    Models(crate::commands::models::Models),
    /// The same actors over history, without a network: same bars and dates, same orders.
    Backtest(Backtest),
    /// Why an order was sent: target, score, features and bars behind it, and what it cost.
    Explain(crate::commands::explain::Explain),
    /// Recompute a recorded session with the cores of today; names the first difference.
    Replay(crate::commands::replay::Replay),
    /// Our books beside the venue's account; with --adopt, taking the venue's word for what differs.
    Reconcile(crate::commands::reconcile::Reconcile),
    /// What each actor is doing: state, last journal position, lag.
    Status(Status),
    /// Stop trading now. Latched until `aurora resume`.
    Kill(KillArgs),
    /// Trade again after a kill.
    Resume(ResumeArgs),
}

/// Which sessions to trade, on which bars.
#[derive(Clone, Debug, Args)]
pub struct Period {
    /// Bars to trade on: a prices.parquet that `aurora import` or `aurora fetch` wrote. Without it, a synthetic market.
    #[arg(long, value_name = "FILE")]
    pub bars: Option<PathBuf>,
    /// Use what was known of --bars at the end of this day, from data/snapshots.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "bars")]
    pub as_of: Option<Date>,
    /// First session to trade; by default the last --sessions there are.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<Date>,
    /// Sessions to trade.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sessions: u32,
    /// Seed of the synthetic market. In some the model finds no edge: then nothing is traded.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// Names in the synthetic market.
    #[arg(long, default_value_t = 130, value_name = "N", value_parser = clap::value_parser!(u32).range(40..=2_000))]
    pub symbols: u32,
    /// Dollars to start with.
    #[arg(long, default_value_t = 10_000_000, value_name = "USD", value_parser = clap::value_parser!(u32).range(10_000..))]
    pub cash: u32,
    /// Name of the run, its folder under data/runs; by default made of the kind and the time.
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Keep each session's journal in the run's folder: MessagePack envelopes one after the other.
    #[arg(long)]
    pub journals: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    pub period: Period,
    #[command(flatten)]
    pub nats: Nats,
    /// Each actor in a process of its own, started again when it dies.
    #[arg(long)]
    pub processes: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Backtest {
    #[command(flatten)]
    pub period: Period,
    #[command(flatten)]
    pub given: Given,
}

/// Signals of a user's own, instead of features and a model.
#[derive(Clone, Debug, Args)]
pub struct Given {
    /// Trade these target weights, Parquet or CSV: a row per date and a column per symbol, or rows of date, symbol and
    /// weight. Fractions of equity, known at the date's close, traded at the next open; bars are --bars, by default
    /// data/latest/prices.parquet; here --bars may also be any file of daily bars, as `aurora import` takes them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "sessions", "seed", "symbols"])]
    pub weights: Option<PathBuf>,
    /// Go on to this session, holding the last weights; by default to the last date of --weights.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "weights")]
    pub through: Option<Date>,
    /// Commission on what is traded of --weights, basis points.
    #[arg(long, default_value_t = 5.0, value_name = "BP", value_parser = basis_points, requires = "weights")]
    pub commission_bp: f64,
    /// How much worse than the open --weights are filled, basis points.
    #[arg(long, default_value_t = 5.0, value_name = "BP", value_parser = basis_points, requires = "weights")]
    pub slippage_bp: f64,
    /// The most that a date of --weights may add up to in absolute size: more is refused, it may be in percent.
    #[arg(long, default_value_t = 4.0, value_name = "FRACTION", value_parser = fraction, requires = "weights")]
    pub gross_max: f64,
}

fn basis_points(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| (0.0..10_000.0).contains(number));
    number.ok_or_else(|| "basis points are a number from 0 to below 10000".to_owned())
}

fn fraction(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "a number above 0, where 1 is the whole equity".to_owned())
}

#[derive(Clone, Debug, Args)]
pub struct Nats {
    /// `embedded` starts a private nats-server; or the URL of a server or cluster (NATS >= 2.12 with JetStream).
    /// With `demo --processes`, `{actor}` in it stands for each process's own user in nats.conf.
    #[arg(
        long,
        env = "AURORA_NATS",
        hide_env_values = true,
        default_value = "embedded",
        value_name = "URL"
    )]
    pub nats: String,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Alpaca's paper account, or bin/venue. Real money comes with a later release.
    Paper,
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    #[arg(long, value_enum, default_value_t = Mode::Paper)]
    pub mode: Mode,
    #[command(flatten)]
    pub nats: Nats,
    /// Model to trade with; by default the promoted one.
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// End after this many sessions; by default never.
    #[arg(long, value_name = "N")]
    pub sessions: Option<u32>,
    /// Address of a venue that serves all four APIs (bin/venue), HOST:PORT; by default those of the configuration.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
    /// Name of the run, its folder under data/runs.
    #[arg(long, default_value = "paper", value_name = "NAME")]
    pub run: String,
}

#[derive(Clone, Debug, Args)]
pub struct Actor {
    /// ingest, features, scoring, risk, execution, broker, reporting or trainer.
    pub name: ActorId,
    #[arg(long, default_value = "paper")]
    pub env: Env,
    /// URL of the NATS server; by default the private one that is running in this folder.
    #[arg(long, env = "AURORA_NATS", hide_env_values = true, value_name = "URL")]
    pub nats: Option<String>,
    /// Run folder to report into; prices and models are taken from it where it has some (a demo's).
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Address of a venue that serves all four APIs (bin/venue), HOST:PORT; by default those of the configuration.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Import {
    /// CSV or Parquet with symbol, date, open, high, low, close, volume.
    pub file: PathBuf,
    /// CSV with a column `symbol`: the names to take, all of which must be there. With dates of membership it is a dated
    /// universe (see --help).
    ///
    /// Columns `symbol`, `sector`, `from`, `through`: a row is a time of membership in one sector, both days included; an
    /// empty `through` goes on. Or `symbol`, `sector`, `snapshot`: the rows of a day are the whole list of that day, which
    /// holds until the next. Training, backtest and trading then go by the members and sectors of each day, and the audit
    /// takes the list for evidence (UNIVERSE, SECTORS) as far as it goes back. A bar is demanded of a name only while it is
    /// a member, kept from before, and for 100 days after it left. Two rows of a name at one time, reversed or unreadable
    /// dates, a sector that is none or written in two ways: refused by line.
    #[arg(long, value_name = "CSV")]
    pub universe: PathBuf,
    /// CSV with columns `symbol` and `sector`; by default the universe's own.
    #[arg(long, value_name = "CSV")]
    pub sectors: Option<PathBuf>,
    /// Date the sector snapshot speaks for.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub sectors_as_of: Option<Date>,
    /// What its prices are adjusted for; needed where the events hold dividends, which adjusted prices hold already.
    #[arg(long, value_name = "ADJUSTMENT", value_parser = ["raw", "split", "dividend", "all"])]
    pub adjustment: Option<String>,
    /// Why the file says otherwise than what is stored of the same sessions: without it, a registry whose models knew
    /// those takes no new one.
    #[arg(long, value_name = "REASON")]
    pub restate: Option<String>,
    #[command(flatten)]
    pub gate: Gate,
}

/// What is let through.
#[derive(Clone, Debug, Args)]
pub struct Gate {
    /// CSV of what is known of names beside their bars (listed, delisted, halt, move, dividend): symbol, kind, from, through, note,
    /// amount (of a dividend: dollars a share as it was paid).
    /// Kept as data/latest/events.csv; by default the one that is there.
    #[arg(long, value_name = "CSV")]
    pub events: Option<PathBuf>,
    /// Take bars with holes or doubtful values all the same, marked as partial: trading refuses such a file.
    #[arg(long)]
    pub allow_partial: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Fetch {
    /// CSV with columns `symbol` and `sector`; by default the universe imported or fetched before. With `from` and
    /// `through`, or `snapshot`, it is a dated universe (see --help).
    ///
    /// Columns `symbol`, `sector`, `from`, `through`: a row is a time of membership in one sector, both days included; an
    /// empty `through` goes on. Or `symbol`, `sector`, `snapshot`: the rows of a day are the whole list of that day, which
    /// holds until the next. Training, backtest and trading then go by the members and sectors of each day, and the audit
    /// takes the list for evidence (UNIVERSE, SECTORS) as far as it goes back. A bar is demanded of a name only while it is
    /// a member, kept from before, and for 100 days after it left. Two rows of a name at one time, reversed or unreadable
    /// dates, a sector that is none or written in two ways: refused by line.
    #[arg(long, value_name = "CSV")]
    pub universe: Option<PathBuf>,
    /// First session; by default the first stored one, or ten years before the last. A later one than is stored takes
    /// --restate.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<Date>,
    /// Last session; by default the last that has closed. One that has not closed is refused; an earlier one than is
    /// stored takes --restate.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub through: Option<Date>,
    /// 1Min, 5Min, 1Hour, 1Day, 1Week, 1Month, … Any but 1Day goes into a file of its own, data/latest/bars-1Hour.parquet.
    #[arg(long, default_value = "1Day", value_name = "N{Min,Hour,Day,Week,Month}")]
    pub timeframe: String,
    /// These symbols instead of the universe, into a file of their own; pairs of coins (BTC/USD) into data/latest/crypto-1Day.parquet.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Where coins are traded.
    #[arg(long, default_value = "us", value_name = "NAME")]
    pub location: String,
    /// sip, iex, …; by default the configuration's.
    #[arg(long)]
    pub feed: Option<String>,
    /// split, raw, dividend, all; by default the configuration's.
    #[arg(long)]
    pub adjustment: Option<String>,
    /// The day whose names the symbols are; by default today's.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub asof: Option<Date>,
    /// Replace a stored past that the source has changed: everything is fetched again, the differences are recorded.
    #[arg(long, value_name = "REASON")]
    pub restate: Option<String>,
    #[command(flatten)]
    pub gate: Gate,
    /// Address of a venue that serves the API (bin/venue), HOST:PORT; by default those of the configuration.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Latest {
    /// AAPL, BRK.B, BTC/USD, …
    #[arg(required = true)]
    pub symbols: Vec<String>,
    /// sip, iex, …; by default the configuration's.
    #[arg(long)]
    pub feed: Option<String>,
    /// Where coins are traded.
    #[arg(long, default_value = "us", value_name = "NAME")]
    pub location: String,
    /// Address of a venue that serves the API (bin/venue), HOST:PORT; by default those of the configuration.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Train {
    /// Bars to train on; by default data/latest/prices.parquet.
    #[arg(long, value_name = "FILE")]
    pub bars: Option<PathBuf>,
    /// Use what was known of the bars at the end of this day, from data/snapshots.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Date>,
    /// Last session the model may see; by default the last there is.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub through: Option<Date>,
}

#[derive(Clone, Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub bus: Target,
}

/// Which running system a command speaks to.
#[derive(Clone, Debug, Args)]
pub struct Target {
    #[arg(long, default_value = "paper")]
    pub env: Env,
    /// URL of the NATS server; by default the private one that is running in this folder.
    #[arg(long, env = "AURORA_NATS", hide_env_values = true, value_name = "URL")]
    pub nats: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct KillArgs {
    /// `halt`: no new orders; `cancel`: and open ones are cancelled; `flatten`: and positions are closed, by and by.
    #[arg(long, default_value = "halt", value_name = "LEVEL")]
    pub level: messages::KillLevel,
    /// Why: it goes into the journal and into every report.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who; by default the user you are logged in as.
    #[arg(long, env = "USER", default_value = "unknown", value_name = "NAME")]
    pub operator: String,
    #[command(flatten)]
    pub bus: Target,
}

#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// Why it is safe to trade again.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who says so: a human's name.
    #[arg(long, value_name = "NAME")]
    pub operator: String,
    /// Address of a venue that serves the API (bin/venue), HOST:PORT; by default those of the configuration. It is asked only
    /// where a difference overnight halted the open session.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
    #[command(flatten)]
    pub bus: Target,
}
