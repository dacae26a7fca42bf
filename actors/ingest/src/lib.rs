//! The edge of the system towards market data: everything that brings bars in, the files they are
//! kept in, and the gate they pass before anybody acts on them.
//!
//! [`store`] is `prices.parquet`, [`universe`] the members ([`dated`]: of each day) and [`events`] the exceptions beside it;
//! [`snapshots`] keeps what was known on a day. [`import`] reads other people's files, [`fetch`] asks
//! Alpaca for daily bars, [`update`] for what a store lacks, [`series`] for bars of any timeframe;
//! [`clock`] says whether the time is to be believed.
//! [`coverage`] is the gate of a session, shared with the backtest, [`inspection`] that of a history.
//! Nothing here fills a gap, repairs a bar or has a default for anything: what is not known is an error.

mod cache;
pub mod clock;
pub mod coverage;
mod csv;
pub mod dated;
mod decode;
pub mod defect;
mod error;
pub mod events;
pub mod fetch;
mod foreign;
mod frame;
mod gateway;
pub mod import;
pub mod inspection;
pub mod latest;
mod left_out;
mod lock;
mod manifest;
pub mod matrix;
pub mod moves;
mod pages;
mod plan;
pub mod sectors;
pub mod series;
pub mod snapshots;
pub mod store;
pub mod symbols;
mod table;
pub mod today;
pub mod universe;
pub mod update;
pub mod weights;

pub use error::IngestError;
pub use events::{Events, events_path, keep_events, read_events};
pub use fetch::{FetchOptions, fetch_bars};
pub use gateway::{Gateway, GatewayOptions};
pub use import::{ImportError, Imported, Sources, import, read_bars};
pub use inspection::{Inspection, inspect};
pub use left_out::LeftOut;
pub use lock::Lock;
pub use manifest::{
    Companions, GrownVolumes, Growth, Manifest, Mapped, Origin, Provenance, Restatement,
    SCHEMA_VERSION, manifest_path, read_manifest,
};
pub use matrix::{
    FeatureMatrix, MatrixError, MatrixManifest, MatrixSource, read_matrix, verify_matrix,
    write_matrix,
};
pub use store::StoreError;
pub use universe::{
    Universe, read_members, read_universe, universe_of, universe_path, write_universe,
};
pub use weights::{Weights, WeightsError};
