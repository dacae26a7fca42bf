//! `aurora reconcile`: our books beside the venue's account, and taking the venue's word for what differs.

use crate::books::{self, Compared, Ours};
use crate::cli::{Common, Target};
use crate::commands::control::connect;
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::output::{Table, emit};
use clap::Args;
use messages::{Adopted, Date, Usd};
use reporting::Mismatch;
use serde::Serialize;
use shell::Bus;

#[derive(Clone, Debug, Args)]
pub struct Reconcile {
    /// Our books become the venue's account from here on. What differs is shown in the report as adopted, never as profit.
    #[arg(long, requires_all = ["reason", "operator"])]
    pub adopt: bool,
    /// Why the venue is right.
    #[arg(long, value_name = "TEXT", requires = "adopt")]
    pub reason: Option<String>,
    /// Who says so: a human's name.
    #[arg(long, value_name = "NAME", requires = "adopt")]
    pub operator: Option<String>,
    /// Address of a venue that serves the API (bin/venue), HOST:PORT; by default those of the configuration.
    #[arg(long, env = "AURORA_VENUE", value_name = "HOST:PORT")]
    pub venue: Option<String>,
    #[command(flatten)]
    pub bus: Target,
}

#[derive(Serialize)]
struct Reconciled {
    /// The last session in our books.
    through: Option<Date>,
    equal: bool,
    differences: Vec<Mismatch>,
    /// What the venue booked since, and explains a part.
    explained: Vec<Explained>,
    adopted: bool,
}

#[derive(Serialize)]
struct Explained {
    date: Date,
    kind: &'static str,
    symbol: Option<String>,
    amount: String,
    shares: i64,
    description: String,
}

/// True if nothing differs, or what differs was adopted.
pub async fn reconcile(args: &Reconcile, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let bus = connect(&args.bus, &home).await?;
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let client = client(&config, args.venue.as_deref())?;
    let today = alpaca::time::session_date(client.clock().await?.timestamp.0);
    let open = bus.open_session_date().await?;
    let (compared, ours) = books::look(&bus, &client, None, today).await?;
    let Some(ours) = ours else {
        return Err(fail(
            "no session has a journal on this NATS server: there is nothing of ours to compare",
        ));
    };
    let mut strays = Vec::new();
    if open.is_none() {
        let query = alpaca::OrdersQuery { status: Some("open"), ..alpaca::OrdersQuery::default() };
        strays = client.orders(&query).await?.iter().map(stray).collect();
    }
    let differs = !compared.mismatches.is_empty();
    let adopts = args.adopt && differs;
    if adopts {
        if !strays.is_empty() {
            return Err(fail(
                "orders are open at the venue: cancel them first, what they fill would be adopted too",
            ));
        }
        adopt(args, &bus, &compared, &ours, open).await?;
    }
    let equal = !differs && strays.is_empty();
    let reconciled = Reconciled {
        through: ours.through,
        equal,
        differences: compared.mismatches.into_iter().chain(strays).collect(),
        explained: compared.overnight.booked.iter().map(Explained::of).collect(),
        adopted: adopts,
    };
    emit(common.json, &reconciled, &reconciled.text())?;
    Ok(equal || adopts)
}

async fn adopt(
    args: &Reconcile,
    bus: &Bus,
    compared: &Compared,
    ours: &Ours,
    open: Option<Date>,
) -> Result<(), Failure> {
    let named = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (Some(operator), Some(reason)) = (named(&args.operator), named(&args.reason)) else {
        return Err(fail("--operator and --reason must say something: they go into the journal"));
    };
    let through = match open {
        None => ours.through,
        Some(_) if ours.fills > 0 => {
            return Err(fail(
                "orders have filled in the session that is open: adopt after it has closed (`aurora kill` keeps it halted)",
            ));
        }
        // The open session began with this statement and goes on from it.
        Some(open) => bus.sessions().await?.into_iter().rfind(|session| *session < open),
    };
    let adopted = Adopted {
        operator,
        reason,
        through,
        statement: compared.statement.clone(),
        activities: ours.known(&compared.overnight),
        differences: compared.mismatches.iter().map(ToString::to_string).collect(),
    };
    Ok(bus.adopt(&adopted).await?)
}

/// Nobody here has a session, so nobody here ordered it.
fn stray(order: &alpaca::model::Order) -> Mismatch {
    let open = order.qty.map_or_else(|| "open".to_owned(), |qty| format!("{} {qty}", order.side));
    Mismatch {
        what: format!("order {} in {}", order.client_order_id, order.symbol),
        ours: "none".to_owned(),
        venue: open,
        off: "-".to_owned(),
    }
}

impl Explained {
    fn of(booked: &messages::Booked) -> Self {
        Self {
            date: booked.date,
            kind: booked.kind.name(),
            symbol: booked.symbol.as_ref().map(ToString::to_string),
            amount: Usd(booked.amount.0).to_string(),
            shares: booked.shares.0,
            description: booked.description.clone(),
        }
    }
}

impl Reconciled {
    fn text(&self) -> String {
        let through = self.through.map_or_else(|| "none".to_owned(), |date| date.to_string());
        let mut text =
            format!("our books through session {through}, by fills and bookings alone\n");
        if !self.explained.is_empty() {
            let mut table =
                Table::new(&["booked since", "date", "cash", "shares", "the venue says"]);
            for one in &self.explained {
                let of = one.symbol.as_deref().unwrap_or("account");
                table.row([
                    format!("{} {of}", one.kind),
                    one.date.to_string(),
                    one.amount.clone(),
                    one.shares.to_string(),
                    one.description.clone(),
                ]);
            }
            text.push_str(&table.to_string());
        }
        if self.equal {
            text.push_str("no difference\n");
            return text;
        }
        let mut table = Table::new(&["", "ours", "venue", "difference"]);
        for row in &self.differences {
            table.row([row.what.clone(), row.ours.clone(), row.venue.clone(), row.off.clone()]);
        }
        text.push_str(&table.to_string());
        text.push_str(if self.adopted {
            "adopted: the next session goes on from the venue's account; `aurora resume` lifts a halt\n"
        } else {
            "DIFFERENT: find out why, or `aurora reconcile --adopt --reason TEXT --operator NAME`\n"
        });
        text
    }
}
