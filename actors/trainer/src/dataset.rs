use messages::{Bars, Date, Member};

/// What a training starts from. The audit runs the pipeline again on changed copies of it.
#[derive(Copy, Clone, Debug)]
pub struct Dataset<'a> {
    /// Ascending by session; also the bars of names that are no longer traded.
    pub history: &'a [Bars],
    /// Ascending by symbol.
    pub members: &'a [Member],
    /// The day on which the list of members was known. Any session before it saw a list made with
    /// hindsight.
    pub members_as_of: Date,
    /// The day the members' sectors speak for.
    pub sectors_as_of: Date,
}

impl<'a> Dataset<'a> {
    /// As it was after `sessions` sessions.
    pub fn cut(self, sessions: usize) -> Self {
        Self { history: &self.history[..sessions], ..self }
    }

    pub fn with_history(self, history: &'a [Bars]) -> Self {
        Self { history, ..self }
    }
}
