//! Messages as one line of text: the same words in logs, scenarios and `aurora explain`.

use crate::units::MICRO;
use crate::{
    Booked, CoverageFailed, DenyReason, Envelope, Filled, Message, Order, OrderStatus, OrdersDone,
    Outcome, Phase, Price, Shares, Side, Symbol, TimeInForce, Usd,
};
use std::fmt;
use std::str::FromStr;

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id.author, self.topic(), self.body)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::SessionOpened(m) => {
                let model = m.model.as_ref().map_or("none", |model| &model.id);
                write!(
                    f,
                    "{} names={} model={model} equity={}",
                    m.session,
                    m.universe.len(),
                    m.equity
                )
            }
            Message::PhaseBegan(m) => f.write_str(match m.phase {
                Phase::Open => "open",
                Phase::Close => "close",
            }),
            Message::Tick(m) => write!(f, "minute {}", m.minute),
            Message::SessionClosed(m) => m.outcome.fmt(f),
            Message::Bars(m) => write!(f, "{} names={}", m.session, m.symbols.len()),
            Message::CoverageFailed(failed) => failed.fmt(f),
            Message::Features(m) => {
                write!(f, "{} names={} features={}", m.session, m.symbols.len(), m.names.len())
            }
            Message::Scores(m) => {
                write!(f, "{} names={} model={}", m.session, m.symbols.len(), m.model_id)
            }
            Message::ScoresWithheld(m) => write!(f, "{} {}", m.session, m.reason),
            Message::ModelPublished(m) => {
                write!(f, "{} ic={:.4} t={:.2} {}", m.model.id, m.oof_ic, m.oof_ic_t, m.label)
            }
            Message::Targets(m) => write!(
                f,
                "names={} gross={:.4} net={:.4} beta={} theta={:.4}",
                m.targets.len(),
                m.exposures.gross,
                m.exposures.net,
                m.exposures.beta.map_or("unknown".to_owned(), |beta| format!("{beta:.4}")),
                m.theta
            ),
            Message::SubmitOrder(order) | Message::OrderApproved(order) => order.fmt(f),
            Message::OrderDenied(m) => write!(f, "{}: {}", m.order, m.reason),
            Message::OrdersWorking(m) => write!(f, "working={} refused={}", m.working, m.refused),
            Message::OrdersDone(done) => done.fmt(f),
            Message::OrderUpdated(m) => {
                write!(f, "{} {}", m.client_order_id, m.status)?;
                m.reason.iter().try_for_each(|reason| write!(f, ": {reason}"))
            }
            Message::Filled(fill) => fill.fmt(f),
            Message::AccountReported(m) => {
                write!(f, "cash={} equity={} positions={}", m.cash, m.equity, m.positions.len())
            }
            Message::Marked(m) => write!(f, "equity={} positions={}", m.equity, m.prices.len()),
            Message::Booked(booked) => booked.fmt(f),
            Message::DayReported(m) => {
                write!(f, "{} nav={} return={:.6}", m.session, m.nav_close, m.daily_return)
            }
            Message::Kill(m) => write!(f, "{:?} by {:?}: {}", m.level, m.operator, m.reason),
            Message::Resume(m) => write!(f, "by {:?}: {}", m.operator, m.reason),
            Message::Adopted(m) => {
                write!(f, "by {:?}: {}: {}", m.operator, m.reason, m.differences.join("; "))
            }
            Message::KillAcknowledged(m) => write!(f, "{:?} #{}", m.level, m.position),
            Message::Alarm(m) => write!(f, "{}: {}", m.code, m.detail),
            Message::ActorStarted(m) => write!(f, "{} pid={}", m.instance, m.pid),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Traded => f.write_str("traded"),
            Outcome::Trained => f.write_str("trained"),
            Outcome::Stopped { reason } => write!(f, "stopped: {reason}"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_order_id, symbol, side, quantity, time_in_force, .. } = self;
        write!(f, "{client_order_id} {side} {} {symbol} {time_in_force}", quantity.0)?;
        self.limit.map_or(Ok(()), |limit| write!(f, " limit {limit}"))
    }
}

impl fmt::Display for OrdersDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, filled, unfilled, denied, rejected, unreached } = self;
        write!(
            f,
            "orders={orders} filled={filled} unfilled={unfilled} denied={denied} rejected={rejected}"
        )?;
        if !unreached.is_empty() {
            write!(f, " unreached={}:", unreached.len())?;
        }
        unreached.iter().try_for_each(|(symbol, missing)| write!(f, " {symbol} {missing}"))
    }
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_order_id, symbol, side, quantity, price, cumulative, .. } = self;
        let (quantity, cumulative) = (quantity.0, cumulative.0);
        write!(f, "{client_order_id} {side} {quantity} {symbol} @ {price} total {cumulative}")
    }
}

impl fmt::Display for CoverageFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.session, self.got, self.expected)?;
        self.missing.iter().try_for_each(|symbol| write!(f, " missing {symbol}"))?;
        self.unusable.iter().try_for_each(|bar| write!(f, " unusable {bar}"))
    }
}

impl fmt::Display for Booked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, kind, symbol, amount, shares, description, .. } = self;
        let of = symbol.as_ref().map_or("account", |symbol| symbol.as_str());
        write!(f, "{date} {kind:?} {amount} of {of}")?;
        if shares.0 != 0 {
            write!(f, " {shares} shares")?;
        }
        write!(f, ": {description}")
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DenyReason::Halted { reason } => write!(f, "HALTED {reason}"),
            DenyReason::NotInTargets => write!(f, "NOT_IN_TARGETS"),
            DenyReason::Duplicate => write!(f, "DUPLICATE"),
            DenyReason::NoReference => write!(f, "NO_REFERENCE"),
            DenyReason::OrderTooLarge { notional, limit } => {
                write!(f, "ORDER_TOO_LARGE notional={notional} limit={limit}")
            }
            DenyReason::AdvShare { notional, limit } => {
                write!(f, "ADV_SHARE notional={notional} limit={limit}")
            }
            DenyReason::NameTooLarge { exposure, limit } => {
                write!(f, "NAME_TOO_LARGE exposure={exposure} limit={limit}")
            }
            DenyReason::GrossTooLarge { gross, limit } => {
                write!(f, "GROSS_TOO_LARGE gross={gross} limit={limit}")
            }
            DenyReason::Restricted => write!(f, "RESTRICTED"),
            DenyReason::Collar { last, reference } => {
                write!(f, "COLLAR last={last} reference={reference}")
            }
            DenyReason::NoPrice => write!(f, "NO_PRICE"),
            DenyReason::TooManyOrders { per_minute } => {
                write!(f, "TOO_MANY_ORDERS per_minute={per_minute}")
            }
            DenyReason::SameAgain { seconds } => write!(f, "SAME_AGAIN seconds={seconds}"),
            DenyReason::Wash { open } => write!(f, "WASH open={open}"),
            DenyReason::BuyingPower { left, limit } => {
                write!(f, "BUYING_POWER left={left} limit={limit}")
            }
            DenyReason::Short { why } => write!(f, "SHORT {why}"),
            DenyReason::DayOrders { orders, limit } => {
                write!(f, "DAY_ORDERS orders={orders} limit={limit}")
            }
            DenyReason::DayTurnover { turnover, limit } => {
                write!(f, "DAY_TURNOVER turnover={turnover} limit={limit}")
            }
            DenyReason::Breaker { reason } => write!(f, "BREAKER {reason}"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        })
    }
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeInForce::Day => "day",
            TimeInForce::Opg => "opg",
            TimeInForce::Ioc => "ioc",
        })
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OrderStatus::Accepted => "accepted",
            OrderStatus::Filled => "filled",
            OrderStatus::Canceled => "canceled",
            OrderStatus::Expired => "expired",
            OrderStatus::Rejected => "rejected",
        })
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}", self.0)
    }
}

/// Dollars with six decimals, less trailing zeros, two at least: `101.23`, `0.000125`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0)
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let text = format!("{sign}{}.{:06}", size / MICRO as u64, size % MICRO as u64);
    let keep = text.trim_end_matches('0').len().max(text.len() - 4);
    f.pad(&text[..keep])
}

impl FromStr for Price {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_decimal(text).map(Self)
    }
}

impl FromStr for Usd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_decimal(text).map(Self)
    }
}

/// Exactly; more than six decimals are refused unless they are zeros.
fn parse_decimal(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not an amount with at most six decimals");
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (kept, dropped) = fraction.split_at_checked(6).unwrap_or((fraction, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(kept) || dropped.bytes().any(|b| b != b'0') {
        return Err(wrong());
    }
    let size: i64 = format!("{whole}{kept:0<6}").parse().map_err(|_| wrong())?;
    Ok(if text.starts_with('-') { -size } else { size })
}
