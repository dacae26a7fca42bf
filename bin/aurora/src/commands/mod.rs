//! One file per command or family of commands.

pub mod backtest;
pub mod control;
pub mod data;
pub mod demo;
pub mod explain;
pub mod fetch;
pub mod journals;
pub mod models;
pub mod reconcile;
pub mod replay;
pub mod run;
pub mod train;
pub mod weights;
