//! What can be asked of Alpaca, one function per question.

mod data;
mod pages;
mod trading;

pub use data::{BarsQuery, CryptoBarsQuery, Source, TicksQuery};
pub use pages::{Page, Pages};
pub use trading::{ActivitiesQuery, Closing, OrdersQuery, PortfolioQuery};
