//! `aurora explain`: why an order was sent, from the order back to its bars.

use crate::cli::Common;
use crate::commands::journals::{Recorded, Source};
use crate::failure::{Failure, fail};
use crate::output::emit;
use clap::Args;
use messages::{Date, Symbol};
use reporting::{Explanation, explain_order, orders_of, target_of};
use serde::Serialize;

#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// Client order id, au-20240103-AAPL-0-0; by default the order that filled last.
    pub order: Option<String>,
    /// Every order of this name in the session, instead.
    #[arg(long, value_name = "NAME", conflicts_with = "order")]
    pub symbol: Option<String>,
    /// The session; by default the order's own, or the last one.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub session: Option<Date>,
    #[command(flatten)]
    pub source: Source,
}

#[derive(Serialize)]
struct Explained {
    session: Date,
    journal: String,
    orders: Vec<Explanation>,
}

pub async fn explain(args: &Explain, common: &Common) -> Result<bool, Failure> {
    let session = args.session.or_else(|| args.order.as_deref().and_then(session_of));
    let recorded = args.source.read(session, common).await?;
    let orders = explanations(args, &recorded)?;
    let pages: Vec<String> = orders.iter().map(Explanation::page).collect();
    let text = format!("{}\nread from {}\n", pages.join("\n\n"), recorded.from);
    let explained = Explained { session: recorded.opened.session, journal: recorded.from, orders };
    emit(common.json, &explained, &text)?;
    Ok(true)
}

/// At least one.
fn explanations(args: &Explain, recorded: &Recorded) -> Result<Vec<Explanation>, Failure> {
    let entries = recorded.messages();
    let opened = &recorded.opened;
    let trace = shell::trace_id(opened.env, opened.session, &opened.run_id);
    let explain = |id: Option<&str>| {
        let explained = explain_order(&entries, id)?;
        Some(Explanation { trace_id: Some(format!("{trace:032x}")), ..explained })
    };
    let session = opened.session;
    if let Some(name) = &args.symbol {
        let symbol = Symbol::from(name.as_str());
        let ids = orders_of(&entries, &symbol);
        let orders: Vec<Explanation> = ids.iter().filter_map(|id| explain(Some(id))).collect();
        return match (orders.is_empty(), target_of(&entries, &symbol)) {
            (false, _) => Ok(orders),
            (true, Some(target)) => Err(fail(format!(
                "session {session} sent no order for {name}; its target #{} was {} and {} were held",
                target.at, target.quantity, target.held
            ))),
            (true, None) => {
                Err(fail(format!("session {session} has neither an order nor a target for {name}")))
            }
        };
    }
    let wanted = args.order.as_deref();
    explain(wanted).map(|order| vec![order]).ok_or_else(|| match wanted {
        Some(id) => fail(format!("session {session} has no order {id} ({})", recorded.from)),
        None => fail(format!("no order filled in session {session}: name one, or a --symbol")),
    })
}

/// The date in `au-20240103-AAPL-0-0`.
fn session_of(order: &str) -> Option<Date> {
    let digits = order.strip_prefix("au-")?.get(..8)?;
    Date::strptime("%Y%m%d", digits).ok()
}

#[cfg(test)]
mod tests {
    use super::session_of;

    #[test]
    fn an_order_names_its_session() {
        let session = session_of("au-20240103-BRK.B-0-0").map(|date| date.to_string());
        assert_eq!(session.as_deref(), Some("2024-01-03"));
        assert_eq!((session_of("au-2024"), session_of("mine")), (None, None));
    }
}
