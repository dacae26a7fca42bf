//! How a command fails: one line that names the thing and the remedy, and an exit code.

use std::fmt;

/// Printed to stderr as it is. Everything below `main` that can fail turns into this.
#[derive(Debug)]
pub struct Failure(String);

pub fn fail(text: impl Into<String>) -> Failure {
    Failure(text.into())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole chain of sources, so that the cause is never lost.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let words = cause.to_string();
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            source = cause.source();
        }
        Self(text)
    }
}
