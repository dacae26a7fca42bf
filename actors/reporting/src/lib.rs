//! The account of a day, and what a run was worth.
//!
//! - [`Reporting`], pure: the book from fills alone, compared with the venue's statement.
//! - [`Performance`], [`metrics`], [`explain_order`], [`OrderLog`], pure: a run in numbers, the lineage of
//!   an order, the hash of all orders.
//! - [`Ledger`], [`Book`], pure: cash, lots and profit by FIFO and average cost, of a session and of a run.
//! - [`recompute`], pure: a recorded journal against the cores of today.
//! - [`RunFolder`], the edge: the files of a run, `report.html` among them.

mod actor;
mod average;
mod book;
mod chain;
mod collect;
mod compare;
mod corporate;
mod explain;
mod exposures;
mod files;
mod format;
pub mod html;
mod ledger;
mod lots;
pub mod metrics;
mod modelled;
mod normal;
mod orders;
mod performance;
mod positions;
mod profit;
mod recompute;
mod reconcile;
mod record;
mod run_folder;
mod sharpe;
mod table;

pub use actor::Reporting;
pub use average::Position;
pub use book::{Book, Trades};
pub use chain::Break;
pub use compare::{Mismatch, compare, mismatch};
pub use explain::{
    BarStep, Contribution, Explanation, FeatureStep, FillStep, KillStep, LifeStep, Origin,
    ScoreStep, TargetStep, explain_order, orders_of, target_of,
};
pub use exposures::{Betas, Sectors, exposures};
pub use ledger::{Cashflows, Ledger, LedgerEntry, Name};
pub use lots::{Lot, Lots};
pub use modelled::{Modelled, NameCosts};
pub use normal::normal_cdf;
pub use orders::{OrderLog, order_line};
pub use performance::Performance;
pub use profit::Profit;
pub use recompute::{Compared, Difference, recompute};
pub use record::{Counts, Coverage, Execution, Opening, SessionRecord, Stopped};
pub use run_folder::{ReportError, RunFolder};
