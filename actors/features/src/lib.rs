//! Bars → 45 features → cross-section → guards. Pure: no I/O, no clock.
//!
//! A map, in the order in which a session's bars come through:
//! - [`Universe`] says who is a member that day, and of which sector;
//! - [`Builder`] takes bars in, session by session, and gives the cross-section of the last;
//! - `series` keeps the trailing windows of eight names side by side (`lanes`): short ones are scanned
//!   (`window`), long ones are exact sums that move (`exact`);
//! - `families` has the formulas; [`whitelist`] says what they are called and how each is treated;
//! - [`transform`] makes a cross-section of one feature: clip, scale, neutralise, guards; `order` has its
//!   medians and ranks;
//! - `factors` says how the market's and the sectors' returns move together (`covariance`);
//! - [`CrossSection`] is the result, rounded to `f32` once where it becomes a row or a message;
//! - [`watch`] looks at many of them: guards that fire too often, features that say the same;
//! - [`FeaturesActor`] is all this as an actor.
//!
//! What must not change: every value at a session is a function of bars up to that session's close, in
//! finite windows, to the bit (no rounded running sum, no recursive mean, nothing filled), so that a live
//! session with 400 sessions of history and a training run over ten years see the same numbers. The one
//! thing that looks back without end is the count of valid bars, and only up to 60.
#![expect(
    clippy::inline_always,
    reason = "what is inlined is compiled for the vectors its caller has"
)]

mod actor;
mod builder;
mod columns;
pub mod covariance;
mod exact;
mod factors;
mod families;
mod lanes;
mod matrix;
mod order;
mod series;
pub mod transform;
mod universe;
pub mod watch;
pub mod whitelist;
mod window;

pub use actor::FeaturesActor;
pub use builder::Builder;
pub use columns::Columns;
pub use matrix::{CrossSection, Matrix};
pub use universe::{Composition, Spell, Universe, UniverseError, sector_codes};

/// Sessions, today's included, from which on no window misses anything: more history before them changes no
/// value of a name that always had bars. The longest chain is a year of market returns, the first of which
/// takes names with 60 bars.
pub const WARM_UP: usize = builder::MIN_HISTORY as usize - 1 + series::MARKET_SESSIONS;

/// Sessions of history after which more would not change a value: 252 market returns, each of names
/// that have 60 valid bars and 21 dollar volumes by then, and room for halts.
pub const HISTORY_SESSIONS: usize = 400;
