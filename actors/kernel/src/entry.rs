use messages::{
    ActorId, Adopted, Envelope, Kill, Message, MessageId, Resume, Subjects, Time, Topic,
};
use std::str::FromStr;

/// What stands in the journal at one position: a message, or bytes that are none.
pub type Entry = Result<Envelope, Undecodable>;

#[derive(Clone, Debug, PartialEq)]
pub struct Undecodable {
    /// When the journal stored it.
    pub at: Time,
    pub subject: String,
    /// Stable code and detail: `BAD_BODY: …`.
    pub reason: String,
}

impl Undecodable {
    /// What it claims to be, if its subject names a topic we know.
    pub fn topic(&self) -> Option<Topic> {
        self.subject.split('.').nth(3).and_then(|token| Topic::from_str(token).ok())
    }

    /// Whose subject it came on.
    pub fn author(&self) -> Option<ActorId> {
        self.subject.split('.').nth(2).and_then(|token| token.parse().ok())
    }
}

/// Reads one journal entry. Bytes are a message only if they decode, stand on the subject that such
/// a message has, and come from the one who may say it. Operators may send any bytes as a kill.
pub fn read(subjects: Subjects, subject: &str, payload: &[u8], stored: Stored) -> Entry {
    let operator = |body| {
        let id = MessageId::event(ActorId::Control, stored.position.to_string());
        Ok(Envelope { id, at: stored.at, body })
    };
    let refuse =
        |reason: String| Err(Undecodable { at: stored.at, subject: subject.to_owned(), reason });
    // Runs for every entry: only what operators say is compared with what they may say.
    let operators = subject.split('.').nth(2) == Some(ActorId::Control.name());
    if operators && subject == subjects.kill() {
        return operator(Message::Kill(Kill::from_bytes(payload)));
    }
    if operators && subject == subjects.resume() {
        return match Resume::from_bytes(payload) {
            Some(resume) => operator(Message::Resume(resume)),
            None => refuse("BAD_RESUME: operator and reason are required".to_owned()),
        };
    }
    if operators && subject == subjects.adopted() {
        return match Adopted::from_bytes(payload) {
            Some(adopted) => operator(Message::Adopted(adopted)),
            None => refuse("BAD_ADOPTED: operator, reason and statement are required".to_owned()),
        };
    }
    let envelope = match Envelope::decode(payload) {
        Ok(envelope) => envelope,
        Err(error) => return refuse(error.to_string()),
    };
    if subjects.of(&envelope) != subject {
        return refuse(format!("MISPLACED: belongs on {}", subjects.of(&envelope)));
    }
    match envelope.topic().author() {
        Some(author) if author != envelope.id.author => {
            refuse(format!("WRONG_AUTHOR: only {author} says {}", envelope.topic()))
        }
        _ => Ok(envelope),
    }
}

/// Where and when the journal stored an entry.
#[derive(Copy, Clone, Debug)]
pub struct Stored {
    pub position: u64,
    pub at: Time,
}
