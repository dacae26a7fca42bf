//! `aurora`: the command line. Exit codes: 0 all is well, 1 something is not (said on stderr), 2 wrong
//! usage, 3 an actor that must not be started again, 101 a broken invariant.

#![allow(unreachable_pub, reason = "a program has no users of its items but itself")]

mod books;
mod cli;
mod clock;
mod commands;
mod conductor;
mod config;
mod connection;
mod failure;
mod home;
mod morning;
mod opening;
mod output;
mod prices;
mod processes;
mod replay;
mod scene;
mod seen;
mod server;
mod summary;
mod weights;
mod wiring;

use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use mimalloc::MiMalloc;
use shell::telemetry::{self, TelemetryOptions};
use std::process::ExitCode;

/// Messages are many small allocations, made in one thread and given back in another: glibc's allocator took a quarter of a
/// backtest's time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            output::note(format!("aurora: {failure}"));
            let hopeless = matches!(cli.command, Command::Actor(_)) && failure.is_final();
            ExitCode::from(if hopeless { 3 } else { 1 })
        }
    }
}

/// Whether all is well.
fn run(cli: &Cli) -> Result<bool, Failure> {
    shell::abort_on_panic();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let telemetry = telemetry::init(&options(cli));
    let common = &cli.common;
    let done = match &cli.command {
        Command::Demo(args) => runtime.block_on(commands::demo::demo(args, common)),
        Command::Up(args) => runtime.block_on(commands::run::up(args, common)),
        Command::Actor(args) => runtime.block_on(commands::run::actor(args, common)),
        Command::Import(args) => commands::data::import(args, common),
        Command::Fetch(args) => runtime.block_on(commands::fetch::fetch(args, common)),
        Command::Latest(args) => runtime.block_on(commands::data::latest(args, common)),
        Command::Train(args) => commands::train::train(args, common),
        Command::Models(args) => commands::models::models(args, common),
        Command::Backtest(args) => commands::backtest::backtest(args, common),
        Command::Explain(args) => runtime.block_on(commands::explain::explain(args, common)),
        Command::Replay(args) => runtime.block_on(commands::replay::replay(args, common)),
        Command::Reconcile(args) => runtime.block_on(commands::reconcile::reconcile(args, common)),
        Command::Status(args) => runtime.block_on(commands::control::status(args, common)),
        Command::Kill(args) => runtime.block_on(commands::control::kill(args, common)),
        Command::Resume(args) => runtime.block_on(commands::control::resume(args, common)),
    };
    drop(telemetry);
    done
}

/// Long-running commands tell what they do; the others only what went wrong.
fn options(cli: &Cli) -> TelemetryOptions {
    let (run_id, level) = match &cli.command {
        Command::Actor(args) => (args.run.clone().unwrap_or_default(), "info"),
        Command::Up(args) => (args.run.clone(), "info"),
        Command::Demo(args) => (args.period.run.clone().unwrap_or_default(), "warn"),
        _ => (String::new(), "warn"),
    };
    TelemetryOptions { run_id, default_level: level.to_owned() }
}
