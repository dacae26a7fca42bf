//! What holds for every market and every day, however odd.

#![allow(clippy::unwrap_used, reason = "what does not parse fails its test")]

mod closing;
mod days;
mod market;
mod sliced;
mod targets;
