//! What goes wrong on a day, by its seed.

use crate::dice::Dice;
use messages::{Kill, KillLevel};

/// Faults of the first kind leave no trace in the books; of the second kind, see [`Trouble`].
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// One request in so many gets no answer, or a 429, or a 5xx: before or after it was carried out. 0: none.
    pub(crate) http: usize,
    /// One message of the trade stream in so many is lost, comes twice, or comes late. 0: none.
    pub(crate) stream: usize,
    /// Crashes of actors left, and disconnections.
    pub(crate) crashes: usize,
    pub(crate) cuts: usize,
    /// Movements of the account that are no trade, still to come.
    pub(crate) bookings: usize,
    pub(crate) trouble: Trouble,
}

/// What changes the day's end, and must be its stated reason where it stops the day.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    None,
    /// At this step somebody kills, and perhaps resumes at a later one.
    Kill {
        at: usize,
        level: KillLevel,
        resume: Option<usize>,
        by_flag: bool,
    },
    /// One order in so many is refused, or taken and rejected afterwards.
    Rejects {
        one_in: usize,
        afterwards: bool,
    },
    /// At this step something unreadable stands in the journal in the place of a fill.
    Garbage {
        at: usize,
    },
    /// The venue fills in parts.
    Parts,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        if dice.once_in(12) {
            let (http, stream, crashes, cuts, bookings) = (0, 0, 0, 0, 0);
            return Self { http, stream, crashes, cuts, bookings, trouble: Trouble::None };
        }
        let rate = |dice: &mut Dice| [0, 3, 6, 12][dice.below(4)];
        let (http, stream) = (rate(&mut dice), rate(&mut dice));
        let (crashes, cuts) = (dice.below(7), dice.below(4));
        let bookings = Dice::new(seed, 3).below(4);
        Self { http, stream, crashes, cuts, bookings, trouble: Trouble::new(&mut dice) }
    }
}

impl Trouble {
    fn new(dice: &mut Dice) -> Self {
        match dice.below(10) {
            0..=2 => {
                let at = dice.below(500);
                let level = [KillLevel::Halt, KillLevel::Cancel, KillLevel::Flatten][dice.below(3)];
                let resume = dice.once_in(2).then(|| at + dice.below(200));
                Self::Kill { at, level, resume, by_flag: dice.once_in(4) }
            }
            3 => Self::Rejects { one_in: 1 + dice.below(6), afterwards: dice.once_in(2) },
            4 => Self::Garbage { at: dice.below(400) },
            5 => Self::Parts,
            _ => Self::None,
        }
    }

    pub(crate) fn kill(level: KillLevel) -> Kill {
        Kill { level, reason: "a drill".to_owned(), operator: "ada".to_owned() }
    }
}
