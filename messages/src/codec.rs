//! The bytes: one MessagePack map `{id, at, type, body}`, `body` a map with field names, numeric
//! columns as little-endian `bin`. Python reads it with `msgpack.unpackb` and nothing of ours.

use crate::{
    Adopted, Booked, Envelope, FactorCovariance, Filled, Holding, Kill, Marked, Message, MessageId,
    Price, Resume, Shares, Symbol, Time, Topic, Usd,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Larger than any message can honestly be (1,000 names times 60 columns is 1 MB).
pub const MAX_BYTES: usize = 16 << 20;

/// Of one execution or holding: a trillion dollars, a ninth of what an integer of micro-dollars holds.
const VALUE_MICROS_MAX: u128 = 1_000_000_000_000_000_000;

#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("TOO_LARGE: {0} bytes, {MAX_BYTES} at most")]
    TooLarge(usize),
    #[error("NOT_AN_ENVELOPE: {0}")]
    Envelope(rmp_serde::decode::Error),
    #[error("UNKNOWN_TYPE: {0}")]
    UnknownType(String),
    #[error("BAD_BODY: {kind}: {source}")]
    Body { kind: &'static str, source: rmp_serde::decode::Error },
    #[error("MALFORMED: {0}")]
    Malformed(&'static str),
    #[error("TRAILING_BYTES: {0} after the end")]
    Trailing(usize),
}

#[derive(Serialize)]
struct Wire<'a, T> {
    id: &'a MessageId,
    at: Time,
    r#type: &'static str,
    body: &'a T,
}

#[derive(Deserialize)]
struct Head {
    id: MessageId,
    at: Time,
    r#type: String,
    #[expect(dead_code, reason = "must be there; read in a second pass, by type")]
    body: IgnoredAny,
}

#[derive(Deserialize)]
struct Body<T> {
    body: T,
}

impl Envelope {
    pub fn encode(&self) -> Vec<u8> {
        match &self.body {
            Message::SessionOpened(body) => self.wire(body),
            Message::PhaseBegan(body) => self.wire(body),
            Message::Tick(body) => self.wire(body),
            Message::SessionClosed(body) => self.wire(body),
            Message::Bars(body) => self.wire(body),
            Message::CoverageFailed(body) => self.wire(body),
            Message::Features(body) => self.wire(body),
            Message::Scores(body) => self.wire(body),
            Message::ScoresWithheld(body) => self.wire(body),
            Message::ModelPublished(body) => self.wire(body),
            Message::Targets(body) => self.wire(body),
            Message::SubmitOrder(body) | Message::OrderApproved(body) => self.wire(body),
            Message::OrderDenied(body) => self.wire(body),
            Message::OrdersWorking(body) => self.wire(body),
            Message::OrdersDone(body) => self.wire(body),
            Message::OrderUpdated(body) => self.wire(body),
            Message::Filled(body) => self.wire(body),
            Message::AccountReported(body) => self.wire(body),
            Message::Marked(body) => self.wire(body),
            Message::Booked(body) => self.wire(body),
            Message::DayReported(body) => self.wire(body),
            Message::Kill(body) => self.wire(body),
            Message::Resume(body) => self.wire(body),
            Message::Adopted(body) => self.wire(body),
            Message::KillAcknowledged(body) => self.wire(body),
            Message::Alarm(body) => self.wire(body),
            Message::ActorStarted(body) => self.wire(body),
        }
    }

    fn wire<T: Serialize>(&self, body: &T) -> Vec<u8> {
        let wire = Wire { id: &self.id, at: self.at, r#type: self.topic().wire_type(), body };
        rmp_serde::to_vec_named(&wire).expect("messages are plain data")
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match Self::decode_first(bytes)? {
            (envelope, []) => Ok(envelope),
            (_, rest) => Err(DecodeError::Trailing(rest.len())),
        }
    }

    /// Envelopes one after the other, as a journal stands in a file.
    pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let mut envelopes = Vec::new();
        while !bytes.is_empty() {
            let (envelope, rest) = Self::decode_first(bytes)?;
            envelopes.push(envelope);
            bytes = rest;
        }
        Ok(envelopes)
    }

    fn decode_first(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut rest = bytes;
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        let head = Head::deserialize(&mut reader).map_err(DecodeError::Envelope)?;
        drop(reader);
        let whole = &bytes[..bytes.len() - rest.len()];
        if whole.len() > MAX_BYTES {
            return Err(DecodeError::TooLarge(whole.len()));
        }
        let body = body(&head.r#type, whole)?;
        check(&body)?;
        Ok((Self { id: head.id, at: head.at, body }, rest))
    }
}

fn body(wire_type: &str, bytes: &[u8]) -> Result<Message, DecodeError> {
    let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.wire_type() == wire_type) else {
        return Err(DecodeError::UnknownType(wire_type.to_owned()));
    };
    let at = (topic.wire_type(), bytes);
    Ok(match topic {
        Topic::SessionOpened => Message::SessionOpened(read(at)?),
        Topic::PhaseBegan => Message::PhaseBegan(read(at)?),
        Topic::Tick => Message::Tick(read(at)?),
        Topic::SessionClosed => Message::SessionClosed(read(at)?),
        Topic::Bars => Message::Bars(read(at)?),
        Topic::CoverageFailed => Message::CoverageFailed(read(at)?),
        Topic::Features => Message::Features(read(at)?),
        Topic::Scores => Message::Scores(read(at)?),
        Topic::ScoresWithheld => Message::ScoresWithheld(read(at)?),
        Topic::ModelPublished => Message::ModelPublished(read(at)?),
        Topic::Targets => Message::Targets(read(at)?),
        Topic::SubmitOrder => Message::SubmitOrder(read(at)?),
        Topic::OrderApproved => Message::OrderApproved(read(at)?),
        Topic::OrderDenied => Message::OrderDenied(read(at)?),
        Topic::OrdersWorking => Message::OrdersWorking(read(at)?),
        Topic::OrdersDone => Message::OrdersDone(read(at)?),
        Topic::OrderUpdated => Message::OrderUpdated(read(at)?),
        Topic::Filled => Message::Filled(read(at)?),
        Topic::AccountReported => Message::AccountReported(read(at)?),
        Topic::Marked => Message::Marked(read(at)?),
        Topic::Booked => Message::Booked(read(at)?),
        Topic::DayReported => Message::DayReported(read(at)?),
        Topic::Kill => Message::Kill(read(at)?),
        Topic::Resume => Message::Resume(read(at)?),
        Topic::Adopted => Message::Adopted(read(at)?),
        Topic::KillAcknowledged => Message::KillAcknowledged(read(at)?),
        Topic::Alarm => Message::Alarm(read(at)?),
        Topic::ActorStarted => Message::ActorStarted(read(at)?),
    })
}

fn read<T: DeserializeOwned>((kind, bytes): (&'static str, &[u8])) -> Result<T, DecodeError> {
    let whole: Result<Body<T>, _> = rmp_serde::from_slice(bytes);
    whole.map(|whole| whole.body).map_err(|source| DecodeError::Body { kind, source })
}

/// What the types can't express: columns as long as their rows, quantities and values that can be.
fn check(body: &Message) -> Result<(), DecodeError> {
    let sound = match body {
        Message::Bars(bars) => bars.is_well_formed(),
        Message::Features(features) => {
            let (rows, cells) =
                (features.symbols.len(), features.symbols.len() * features.names.len());
            let exposures = &features.exposures;
            let columns = [
                &exposures.beta,
                &exposures.sigma_daily,
                &exposures.idio_daily,
                &exposures.adv,
                &exposures.close,
            ];
            features.values.len() == cells
                && features.raw.len() == cells
                && features.eligible.len() == rows
                && columns.iter().all(|column| column.len() == rows)
                && exposures.factors.as_ref().is_none_or(FactorCovariance::is_well_formed)
        }
        Message::Scores(scores) => {
            scores.scores.len() == scores.symbols.len()
                && scores.contributions.len() == scores.symbols.len() * scores.names.len()
        }
        Message::SubmitOrder(order) | Message::OrderApproved(order) => {
            order.quantity.0 > 0 && order.limit.is_none_or(|limit| limit.0 > 0)
        }
        Message::Filled(fill) => fill.is_well_formed(),
        Message::Booked(booked) => booked.is_well_formed(),
        Message::SessionOpened(opened) => {
            let booked = opened.overnight.iter().flat_map(|overnight| &overnight.booked);
            opened.positions.iter().all(Holding::is_well_formed)
                && booked.into_iter().all(Booked::is_well_formed)
        }
        Message::Adopted(adopted) => adopted.is_well_formed(),
        Message::AccountReported(account) => account.positions.iter().all(Holding::is_well_formed),
        Message::Marked(marked) => marked.is_well_formed(),
        _ => true,
    };
    if sound { Ok(()) } else { Err(DecodeError::Malformed("columns, rows or quantities disagree")) }
}

impl FactorCovariance {
    fn is_well_formed(&self) -> bool {
        self.covariance.len() == (1 + self.sectors.len()).pow(2)
    }
}

impl Filled {
    /// Quantities are positive and agree, and the execution's value is one that can be (a trillion
    /// dollars at most), so that sums of them are safe.
    pub fn is_well_formed(&self) -> bool {
        self.quantity.0 > 0
            && self.price.0 > 0
            && self.cumulative >= self.quantity
            && is_credible(self.price, self.quantity)
            && is_rounding(self.rounding, self.quantity)
    }
}

impl Holding {
    /// Its value at the mark is one that can be: a trillion dollars at most, long or short.
    pub fn is_well_formed(&self) -> bool {
        is_credible(self.mark, self.quantity) && is_rounding(self.rounding, self.quantity)
    }
}

impl Marked {
    /// Less than a trillion dollars, the account and each share; no price is nothing, or less.
    pub fn is_well_formed(&self) -> bool {
        let sound = |(_, price): &(Symbol, Price)| price.0 > 0 && is_credible(*price, Shares(1));
        u128::from(self.equity.0.unsigned_abs()) <= VALUE_MICROS_MAX
            && self.prices.iter().all(sound)
    }
}

impl Booked {
    /// Cash is less than a trillion dollars; shares are of a name, and move in corporate actions only.
    pub fn is_well_formed(&self) -> bool {
        let still = self.shares.0 == 0;
        u128::from(self.amount.0.unsigned_abs()) <= VALUE_MICROS_MAX
            && self.shares.0.unsigned_abs() <= VALUE_MICROS_MAX as u64
            && (still || self.symbol.is_some())
            && (still || self.kind.is_corporate_action())
    }
}

/// A millionth of a dollar a share at most.
fn is_rounding(rounding: Usd, quantity: Shares) -> bool {
    rounding.0.unsigned_abs() <= quantity.0.unsigned_abs()
}

fn is_credible(price: Price, quantity: Shares) -> bool {
    let value = i128::from(price.0) * i128::from(quantity.0);
    value.unsigned_abs() <= VALUE_MICROS_MAX
}

impl Kill {
    /// From whatever an operator's client sent: our envelope, a bare map (MessagePack or JSON), or
    /// any other bytes, which count as a plain halt with themselves as the reason.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if let Ok(Envelope { body: Message::Kill(kill), .. }) = Envelope::decode(bytes) {
            return kill;
        }
        bare(bytes).unwrap_or_else(|| Self {
            reason: String::from_utf8_lossy(bytes).chars().take(200).collect(),
            ..Self::default()
        })
    }
}

impl Resume {
    /// Our envelope or a bare map, with operator and reason both given; anything else is no resume.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let resume = match Envelope::decode(bytes) {
            Ok(Envelope { body: Message::Resume(resume), .. }) => resume,
            _ => bare::<Self>(bytes)?,
        };
        (!resume.operator.trim().is_empty() && !resume.reason.trim().is_empty()).then_some(resume)
    }
}

impl Adopted {
    /// Our envelope or a bare map, with operator, reason and a statement that can be; anything else adopts nothing.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let adopted = match Envelope::decode(bytes) {
            Ok(Envelope { body: Message::Adopted(adopted), .. }) => adopted,
            _ => bare::<Self>(bytes)?,
        };
        let named = !adopted.operator.trim().is_empty() && !adopted.reason.trim().is_empty();
        (named && adopted.is_well_formed()).then_some(adopted)
    }

    fn is_well_formed(&self) -> bool {
        self.statement.positions.iter().all(Holding::is_well_formed)
    }
}

/// A map without an envelope, as an operator types it into some NATS client.
fn bare<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok().or_else(|| rmp_serde::from_slice(bytes).ok())
}
