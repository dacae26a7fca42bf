//! One file per command or family of commands.

pub mod backtest;
pub mod control;
pub mod demo;
pub mod research;
pub mod run;
