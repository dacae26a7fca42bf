//! How a command fails: one line that names the thing and the remedy, and an exit code.

use std::fmt;

/// Printed to stderr as it is. Everything below `main` that can fail turns into this.
#[derive(Debug)]
pub struct Failure {
    text: String,
    is_final: bool,
}

pub fn fail(text: impl Into<String>) -> Failure {
    Failure { text: text.into(), is_final: false }
}

impl Failure {
    /// Trying again would not help.
    pub fn finally(self) -> Self {
        Self { is_final: true, ..self }
    }

    pub fn is_final(&self) -> bool {
        self.is_final
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
        fail(text)
    }
}
