//! Bars → 45 features → cross-section → guards. Pure: no I/O, no clock.
//!
//! A map, in the order in which a session's bars come through:
//! - [`Builder`] takes bars in, session by session, and gives the cross-section of the last;
//! - `series` keeps one symbol's trailing windows, `window` scans them;
//! - `families` has the formulas; [`whitelist`] says what they are called and how each is treated;
//! - [`transform`] makes a cross-section of one feature: clip, scale, neutralise, guards;
//! - [`Matrix`] is the result, rounded to `f32` once where it becomes a message;
//! - [`FeaturesActor`] is all this as an actor.
//!
//! What must not change: every value at a session is a function of bars up to that session's close, in
//! finite windows, to the bit (no running sum, no recursive mean, nothing filled), so that a live
//! session with 400 sessions of history and a training run over ten years see the same numbers. The one
//! thing that looks back without end is the count of valid bars, and only up to 60.

mod actor;
mod builder;
mod families;
mod matrix;
mod series;
pub mod transform;
pub mod whitelist;
mod window;

pub use actor::FeaturesActor;
pub use builder::{Builder, sector_codes};
pub use matrix::Matrix;

/// Sessions of history after which more would not change a value: 252 market returns, each of names
/// that have 60 valid bars and 21 dollar volumes by then, and room for halts.
pub const HISTORY_SESSIONS: usize = 400;
