//! The shell over a real nats-server: what a running system must survive.

mod collector;
mod control;
mod embedded;
mod gateways;
mod otlp;
mod outages;
mod recovery;
mod sessions;
mod support;
mod traces;
