use alpaca::AlpacaError;
use shell::ShellError;
use thiserror::Error;

/// Ends the gateway, but for the last two; the shell starts it again, and it recovers from the journal and the venue.
#[derive(Debug, Error)]
pub enum BrokerError {
    #[error(transparent)]
    Alpaca(#[from] AlpacaError),
    #[error(transparent)]
    Shell(#[from] ShellError),
    #[error(
        "CONFLICT: the venue has {client_order_id} with {field} {theirs}, but we ordered {ours}: \
         the account was used by another run; give this run an account of its own"
    )]
    Conflict { client_order_id: String, field: &'static str, theirs: String, ours: String },
    #[error("NOT_REPRESENTABLE: {what} is {value}: {why}")]
    NotRepresentable { what: String, value: String, why: &'static str },
    #[error("INCOMPLETE: the venue's answer lacks {what}, which nothing here may guess")]
    Incomplete { what: String },
    #[error(
        "MISSING_FILLS: the venue filled {theirs} of {client_order_id}, its executions account for \
         {ours}: if this stays, compare the account's activities with the journal"
    )]
    MissingFills { client_order_id: String, theirs: String, ours: i64 },
    #[error(
        "ORDER_LOST: the venue accepted {client_order_id} and does not know it any more: check the \
         trading URL and that the keys belong to the account that this session began with"
    )]
    OrderLost { client_order_id: String },
}
