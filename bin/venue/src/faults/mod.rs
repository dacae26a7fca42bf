//! Faults on request: what a real network and a real venue do to a client, on purpose and repeatably.
//!
//! ```text
//! curl -X POST http://127.0.0.1:8777/aurora/v1/faults -d '{"seed": 7, "rules": [
//!     {"kind": "error", "status": 504, "match": {"method": "POST", "path": "/v2/orders"}, "share": 0.2},
//!     {"kind": "duplicate", "match": {"path": "/stream", "contains": "\"fill\""}, "count": 1}]}'
//! ```
//! `POST` replaces the plan, `GET` shows each rule with how many events fitted (`seen`) and how often it
//! fired (`fired`), `DELETE` ends it. Each rule has `match` (`method`, beginning of the `path`,
//! `contains`: in the query or in the bytes of a message; `on`: `requests` or `messages` where a kind
//! can do both), `share` (1), `after` (0: so many are let through first) and `count` (no limit). The
//! same plan and the same sequence of requests and messages give the same faults.
//!
//! | kind | what happens | parameters (and what they are if not given) |
//! |---|---|---|
//! | `latency` | the request is worked on, or answered, or a message is sent, later | `ms` 200, `jitter_ms` 0, `when` before; `after` brings the events of a POST before its answer |
//! | `rate_limit` | 429, and the request is not worked on | `headers` true, `burst` 1: so many in a row, `ms` 1000: until the reset they name |
//! | `error` | 5xx | `status` 503, `when` after: it was worked on all the same, `burst` 1 |
//! | `disconnect` | the connection ends without an answer, or without a close frame | `when` after |
//! | `half_open` | no answer, ever; a websocket says and reads nothing more | `when` after |
//! | `slow` | the answer comes in pieces; a message waits | `bytes` 64 each, `ms` 20 between them |
//! | `truncate` | the answer's JSON ends early | `bytes` that remain (half), `transport` false: true promises the whole length |
//! | `repeat_page` | a page asked for by its token names itself as the next one | |
//! | `empty_page` | a page without data whose token leads to the data | |
//! | `clock_skew` | the clock's timestamp is off | `ms` 60000, may be negative |
//! | `drop` `duplicate` `reorder` | a message is lost, comes twice, comes after the one behind it | |
//! | `lag` | cancels and replaces are pending for so long in venue time | `ms` 500 |

mod http;
mod line;
mod plan;

pub(crate) use http::{Hangup, inject};
pub(crate) use line::{Line, Outgoing};

use crate::persistence::Command;
use crate::reply::{Reply, ok};
use crate::state::App;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use exchange::Refusal;
use plan::{Armed, Event, Firing, Kind, Plan};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/aurora/v1/faults", get(show).post(arm).delete(clear))
}

/// The plan as it stands; none to begin with.
#[derive(Default)]
pub(crate) struct Faults {
    armed: AtomicBool,
    plan: Mutex<(u64, Vec<Armed>)>,
}

impl Faults {
    /// Those rules that hit this event, in the order of the plan.
    fn fire(&self, event: Event<'_>) -> Vec<Firing> {
        if !self.armed.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut plan = self.plan.lock().expect("counting does not panic");
        plan.1.iter_mut().filter_map(|armed| armed.fire(event)).collect()
    }

    fn replace(&self, plan: Plan) {
        let arm = |(number, rule)| Armed::new(rule, plan.seed, number);
        let rules: Vec<Armed> = (0..).zip(plan.rules).map(arm).collect();
        let some = !rules.is_empty();
        *self.plan.lock().expect("counting does not panic") = (plan.seed, rules);
        self.armed.store(some, Ordering::Release);
    }

    fn describe(&self) -> Value {
        let plan = self.plan.lock().expect("counting does not panic");
        let rules = plan.1.iter().map(|armed| {
            let mut rule = serde_json::to_value(&armed.rule).expect("plain data");
            rule["seen"] = json!(armed.seen);
            rule["fired"] = json!(armed.fired);
            rule
        });
        json!({"seed": plan.0, "rules": rules.collect::<Vec<_>>()})
    }
}

async fn show(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.faults.describe()))
}

async fn arm(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let plan: Plan = serde_json::from_slice(&body)
        .map_err(|error| Refusal::malformed(format!("no plan of faults: {error}")))?;
    for (number, rule) in plan.rules.iter().enumerate() {
        if let Some(problem) = rule.problem() {
            return Err(Refusal::malformed(format!("rule {number}: {problem}")).into());
        }
    }
    let lag = plan.rules.iter().find(|rule| rule.kind == Kind::Lag);
    let lag = lag.map_or(0, |rule| rule.milliseconds(500));
    set_lag(&app, lag)?;
    app.faults.replace(plan);
    Ok(ok(&app.faults.describe()))
}

async fn clear(State(app): State<Arc<App>>) -> Reply {
    app.faults.replace(Plan::default());
    set_lag(&app, 0)?;
    Ok(ok(&app.faults.describe()))
}

/// The exchange's own: it has to be in the log, as orders come out differently.
fn set_lag(app: &App, ms: i64) -> Result<(), Refusal> {
    let nanos = ms.saturating_mul(1_000_000);
    app.change(Command::Lag { nanos }, |state| {
        state.exchange.set_lag(nanos);
        Ok(())
    })
}
