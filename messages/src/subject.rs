//! `aurora.<env>.<author>.<topic>[.<symbol>]`: the only place where a subject is written down.

use crate::{ActorId, Date, Envelope};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::str::FromStr;

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Env {
    Backtest,
    Dryrun,
    Paper,
    Live,
}

impl Env {
    pub fn name(self) -> &'static str {
        match self {
            Env::Backtest => "backtest",
            Env::Dryrun => "dryrun",
            Env::Paper => "paper",
            Env::Live => "live",
        }
    }
}

impl fmt::Display for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Env {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Env::Backtest, Env::Dryrun, Env::Paper, Env::Live]
            .into_iter()
            .find(|env| env.name() == text)
            .ok_or_else(|| {
                format!("no environment is called {text:?}: backtest, dryrun, paper, live")
            })
    }
}

/// The subjects and stream names of one environment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Subjects(pub Env);

impl Subjects {
    /// Where `envelope` is published.
    pub fn of(self, envelope: &Envelope) -> String {
        let topic = envelope.topic();
        let mut subject = format!("aurora.{}.{}.{topic}", self.0, envelope.id.author);
        if let Some(symbol) = envelope.body.symbol() {
            subject.push('.');
            subject.push_str(&escape_token(symbol.as_str()));
        }
        subject
    }

    /// Everything `author` says.
    pub fn by(self, author: ActorId) -> String {
        format!("aurora.{}.{author}.>", self.0)
    }

    /// Who speaks for `author`: the subject that fences off a predecessor.
    pub fn started(self, author: ActorId) -> String {
        format!("aurora.{}.{author}.started", self.0)
    }

    /// What a session's journal binds: all authors except operators, who have a stream of their own.
    pub fn journal(self) -> Vec<String> {
        ActorId::RUNNING.into_iter().map(|author| self.by(author)).collect()
    }

    /// What a closed journal is bound to instead, so that the next one can have the subjects.
    pub fn archive(self, session: Date) -> String {
        format!("aurora-archive.{}.{session}.>", self.0)
    }

    /// Bound by exactly one stream while a session is open: finds the journal.
    pub fn opened(self) -> String {
        format!("aurora.{}.session.opened", self.0)
    }

    pub fn control(self) -> String {
        format!("aurora.{}.control.>", self.0)
    }

    pub fn kill(self) -> String {
        format!("aurora.{}.control.kill", self.0)
    }

    pub fn resume(self) -> String {
        format!("aurora.{}.control.resume", self.0)
    }

    pub fn adopted(self) -> String {
        format!("aurora.{}.control.adopted", self.0)
    }

    pub fn dead_letter(self, actor: ActorId) -> String {
        format!("aurora.{}.deadletter.{actor}", self.0)
    }

    pub fn dead_letters(self) -> String {
        format!("aurora.{}.deadletter.>", self.0)
    }

    /// Stream of one session.
    pub fn journal_stream(self, session: Date) -> String {
        format!("aurora-{}-{session}", self.0)
    }

    /// Stream of kills, resumes and adoptions, across sessions.
    pub fn control_stream(self) -> String {
        format!("aurora-{}-control", self.0)
    }

    pub fn dead_letter_stream(self) -> String {
        format!("aurora-{}-deadletter", self.0)
    }

    /// Name in the NATS services protocol.
    pub fn service(self, actor: ActorId) -> String {
        format!("aurora-{}-{actor}", self.0)
    }

    /// Where an actor answers for its state.
    pub fn status(self, actor: ActorId) -> String {
        format!("aurora-status.{}.{actor}", self.0)
    }
}

/// A subject token for any symbol: what NATS gives a meaning, and `%`, become `%XX`.
pub fn escape_token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_=+:^$".contains(&byte) {
            token.push(char::from(byte));
        } else {
            write!(token, "%{byte:02X}").expect("writing to a String");
        }
    }
    token
}

/// The inverse of [`escape_token`]; `None` if no symbol escapes to `token`.
pub fn unescape_token(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (escape_token(&text) == token).then_some(text)
}
