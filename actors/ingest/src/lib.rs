//! The edge of the system towards market data: everything that brings bars in, the files they are
//! kept in, and the gate they pass before anybody acts on them.
//!
//! [`store`] is `prices.parquet`, [`universe`] the members beside it. [`import`] reads other people's
//! files, [`fetch`] asks Alpaca. [`coverage`] is the gate, shared with the backtest. Nothing here
//! fills a gap, repairs a bar or has a default for anything: what is not known is an error.

pub mod coverage;
pub mod defect;
mod error;
pub mod fetch;
mod frame;
mod gateway;
pub mod import;
mod manifest;
pub mod sectors;
pub mod store;
pub mod symbols;
mod table;
pub mod today;
pub mod universe;

pub use error::IngestError;
pub use fetch::{FetchOptions, fetch_bars};
pub use gateway::{Gateway, GatewayOptions};
pub use import::{ImportError, Imported, Sources, import};
pub use manifest::{Manifest, Provenance, SCHEMA_VERSION, manifest_path, read_manifest};
pub use store::StoreError;
pub use universe::{Universe, read_universe, universe_path, write_universe};
