//! A recorded journal against the cores of today: do they still say what stands in it?

mod field;

use field::{Field, first_field};
use kernel::{Actor, Entry, Host};
use messages::{ActorId, Cause, Envelope, Message, MessageId, Topic};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The first place where a journal and the cores part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of the entry that differs; of the entry that should have been answered, where the answer is missing.
    pub position: u64,
    pub author: ActorId,
    pub topic: String,
    pub id: String,
    /// `targets[AAPL].quantity`, `raw[AAPL, ret_5]`; `at`; `author`; `entry` where one side has none at all.
    pub field: String,
    pub recorded: String,
    pub computed: String,
}

/// What was compared when nothing differed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub entries: u64,
    /// Answers of the given cores, by author.
    pub answers: BTreeMap<String, u64>,
}

/// Feeds the entries to `cores` (fresh, of this session) and compares all they answer with what is recorded, in
/// journal order. What other authors say is input: it is taken as it stands. Answers to entries after the end of the
/// session may be missing, for nobody waited for them.
pub fn recompute(
    cores: Vec<Box<dyn Actor>>,
    entries: &[(u64, Entry)],
) -> Result<Compared, Box<Difference>> {
    let mut hosts: Vec<Host<Box<dyn Actor>>> = cores.into_iter().map(Host::new).collect();
    let authors: BTreeSet<ActorId> = hosts.iter().map(Host::id).collect();
    let decoded = entries.iter().filter_map(|(_, entry)| entry.as_ref().ok());
    let recorded: BTreeSet<&MessageId> = decoded.map(|entry| &entry.id).collect();
    let mut awaited: BTreeMap<MessageId, Envelope> = BTreeMap::new();
    let mut compared = Compared::default();
    let mut closed = false;
    for (position, entry) in entries {
        compared.entries += 1;
        if let Ok(entry) = entry {
            check_author(*position, entry)?;
            if authors.contains(&entry.id.author) && matches!(entry.id.cause, Cause::Entry { .. }) {
                check(*position, entry, awaited.remove(&entry.id))?;
                *compared.answers.entry(entry.id.author.to_string()).or_default() += 1;
            }
            closed |= matches!(entry.body, Message::SessionClosed(_));
        }
        for answer in hosts.iter_mut().flat_map(|host| host.handle(*position, entry)) {
            if !closed && !recorded.contains(&answer.id) {
                return Err(missing(*position, &answer));
            }
            awaited.insert(answer.id.clone(), answer);
        }
    }
    Ok(compared)
}

fn check(
    position: u64,
    recorded: &Envelope,
    computed: Option<Envelope>,
) -> Result<(), Box<Difference>> {
    let Some(computed) = computed else {
        let none = "nothing".to_owned();
        let field =
            Field { path: "entry".to_owned(), recorded: recorded.to_string(), computed: none };
        return Err(difference(position, recorded, field));
    };
    match first_field(recorded, &computed) {
        Some(field) => Err(difference(position, recorded, field)),
        None => Ok(()),
    }
}

fn check_author(position: u64, entry: &Envelope) -> Result<(), Box<Difference>> {
    match entry.topic().author() {
        Some(author) if author != entry.id.author => {
            let (recorded, computed) = (entry.id.author.to_string(), author.to_string());
            let field = Field { path: "author".to_owned(), recorded, computed };
            Err(difference(position, entry, field))
        }
        _ => Ok(()),
    }
}

fn missing(position: u64, answer: &Envelope) -> Box<Difference> {
    let (recorded, computed) = ("nothing".to_owned(), answer.to_string());
    difference(position, answer, Field { path: "entry".to_owned(), recorded, computed })
}

fn difference(position: u64, entry: &Envelope, field: Field) -> Box<Difference> {
    let topic: Topic = entry.topic();
    Box::new(Difference {
        position,
        author: entry.id.author,
        topic: topic.to_string(),
        id: entry.id.to_string(),
        field: field.path,
        recorded: field.recorded,
        computed: field.computed,
    })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, author, topic, id, field, recorded, computed } = self;
        write!(
            f,
            "entry {position}, {author} {topic} ({id}): {field} is recorded as {recorded}, "
        )?;
        write!(f, "the cores of today say {computed}")
    }
}
