//! The account of a day, and what a run was worth.
//!
//! - [`Reporting`], pure: the book from fills alone, compared with the venue's statement.
//! - [`Performance`], [`metrics`], [`explain_order`], [`OrderLog`], pure: a run in numbers, the lineage of
//!   an order, the hash of all orders.
//! - [`RunFolder`], the edge: the files of a run, `report.html` among them.

mod actor;
mod collect;
mod explain;
mod exposures;
mod files;
mod format;
mod html;
mod ledger;
pub mod metrics;
mod normal;
mod orders;
mod performance;
mod positions;
mod reconcile;
mod record;
mod run_folder;
mod sharpe;
mod table;

pub use actor::Reporting;
pub use explain::{Contribution, Execution, Explanation, ScoreStep, TargetStep, explain_order};
pub use ledger::{Ledger, Position};
pub use orders::{OrderLog, order_line};
pub use performance::Performance;
pub use record::{Counts, Coverage, SessionRecord, Stopped};
pub use run_folder::{ReportError, RunFolder};
