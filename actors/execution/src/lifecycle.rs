//! The life of an order, as one table.

/// Where an order stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for risk.
    Submitted,
    /// Waits for the venue.
    Approved,
    /// The venue has it.
    Working,
    /// Ends: whole; with less than its quantity; refused by risk; refused by the venue.
    Filled,
    Unfilled,
    Denied,
    Rejected,
}

/// What can happen to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Approved,
    Denied,
    Accepted,
    Rejected,
    PartlyFilled,
    /// No more will fill.
    Filled,
    /// Canceled or expired.
    Ended,
}

impl State {
    /// # Panics
    /// If the venue speaks of an order that risk has not approved: somebody ordered past the gate.
    #[expect(clippy::match_same_arms, reason = "a row per situation, each with its reason")]
    pub(crate) fn next(self, event: Event) -> Self {
        match (self, event) {
            (State::Submitted, Event::Approved) => State::Approved,
            (State::Submitted, Event::Denied) => State::Denied,

            (State::Approved | State::Working, Event::Accepted) => State::Working,
            // A venue may take an order and refuse it later, e.g. in the auction.
            (State::Approved | State::Working, Event::Rejected) => State::Rejected,
            // A fill may overtake the acceptance, and implies it.
            (State::Approved | State::Working, Event::PartlyFilled) => State::Working,
            (State::Approved | State::Working, Event::Filled) => State::Filled,
            (State::Approved | State::Working, Event::Ended) => State::Unfilled,

            // What has ended stays so. A late fill counts as shares, not as a new life.
            (
                State::Filled | State::Unfilled | State::Rejected,
                Event::Accepted
                | Event::Rejected
                | Event::PartlyFilled
                | Event::Filled
                | Event::Ended,
            ) => self,

            (
                State::Approved
                | State::Working
                | State::Filled
                | State::Unfilled
                | State::Denied
                | State::Rejected,
                Event::Approved | Event::Denied,
            ) => panic!("risk judged an order twice: {self:?}, {event:?}"),
            (
                State::Submitted | State::Denied,
                Event::Accepted
                | Event::Rejected
                | Event::PartlyFilled
                | Event::Filled
                | Event::Ended,
            ) => panic!("the venue knows an order that risk has not approved: {event:?}"),
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, State::Filled | State::Unfilled | State::Denied | State::Rejected)
    }

    /// Waits neither for risk nor for the venue's first answer.
    pub(crate) fn is_placed(self) -> bool {
        !matches!(self, State::Submitted | State::Approved)
    }

    /// Placed, and nothing came of it, or less than was ordered.
    pub(crate) fn is_refused(self) -> bool {
        matches!(self, State::Denied | State::Rejected | State::Unfilled)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, State};

    const ENDS: [State; 3] = [State::Filled, State::Unfilled, State::Rejected];
    const VENUE: [Event; 5] =
        [Event::Accepted, Event::Rejected, Event::PartlyFilled, Event::Filled, Event::Ended];

    #[test]
    fn what_has_ended_stays_ended() {
        for state in ENDS {
            for event in VENUE {
                assert_eq!(state.next(event), state);
            }
        }
    }

    #[test]
    fn whatever_the_venue_says_of_an_open_order_places_it() {
        for state in [State::Approved, State::Working] {
            for event in VENUE {
                assert!(state.next(event).is_placed());
                let open = matches!(event, Event::Accepted | Event::PartlyFilled);
                assert_eq!(state.next(event).is_terminal(), !open);
            }
        }
    }

    #[test]
    #[should_panic(expected = "risk has not approved")]
    fn an_order_past_the_gate_is_a_broken_invariant() {
        State::Submitted.next(Event::Accepted);
    }

    #[test]
    #[should_panic(expected = "judged an order twice")]
    fn one_judgement_per_order() {
        State::Approved.next(Event::Denied);
    }
}
