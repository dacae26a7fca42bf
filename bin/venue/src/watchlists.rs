//! Lists of assets that the owner keeps; they change nothing else.

use crate::assets;
use crate::persistence::Command;
use crate::query::Parameters;
use crate::reply::{Reply, ok};
use crate::state::App;
use alpaca::model::{Asset, Stamp};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use exchange::{Market, Refusal};
use messages::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

const NAME_MAX: usize = 64;

pub(crate) fn routes() -> Router<Arc<App>> {
    let by_id = get(show).put(update).post(add).delete(remove);
    let by_name = get(show_named).put(update_named).post(add_named).delete(remove_named);
    Router::new()
        .route("/v2/watchlists", get(list).post(create))
        .route("/v2/watchlists:by_name", by_name)
        .route("/v2/watchlists/{id}", by_id)
        .route("/v2/watchlists/{id}/{symbol}", delete(drop_symbol))
        .route("/v2/watchlists/{id}/{base}/{quote}", delete(drop_pair))
}

/// All of an account's, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watchlists {
    lists: Vec<Watchlist>,
    made: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Watchlist {
    id: String,
    name: String,
    created_at: Time,
    updated_at: Time,
    /// Places in the market's assets, each once.
    assets: Vec<usize>,
}

/// Symbols may be ids or have no slash, as a client spells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Create { name: String, symbols: Vec<String> },
    Update { id: String, name: Option<String>, symbols: Option<Vec<String>> },
    Add { id: String, symbol: String },
    Drop { id: String, symbol: String },
    Remove { id: String },
}

#[derive(Serialize)]
struct Wire {
    id: String,
    account_id: String,
    name: String,
    created_at: Stamp,
    updated_at: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    assets: Option<Vec<Asset>>,
}

/// Body of a POST or PUT.
#[derive(Default, Deserialize)]
struct Fields {
    name: Option<String>,
    symbols: Option<Vec<String>>,
    symbol: Option<String>,
}

impl Watchlists {
    /// The id of the list that was changed.
    pub(crate) fn apply(
        &mut self,
        change: Change,
        market: &Market,
        now: Time,
    ) -> Result<String, Refusal> {
        match change {
            Change::Create { name, symbols } => self.create(name, &symbols, market, now),
            Change::Update { id, name, symbols } => {
                let assets = symbols.map(|symbols| places(market, &symbols)).transpose()?;
                if let Some(name) = &name {
                    self.check_name(name, Some(&id))?;
                }
                let list = self.find(&id)?;
                if let Some(name) = name {
                    list.name = name;
                }
                if let Some(assets) = assets {
                    list.assets = assets;
                }
                list.updated_at = now;
                Ok(id)
            }
            Change::Add { id, symbol } => {
                let asset = place(market, &symbol)?;
                let list = self.find(&id)?;
                if list.assets.contains(&asset) {
                    return Err(Refusal::malformed(format!("duplicate symbol: {symbol}")));
                }
                list.assets.push(asset);
                list.updated_at = now;
                Ok(id)
            }
            Change::Drop { id, symbol } => {
                let list = self.find(&id)?;
                let asset = market.find_alias(&symbol);
                let at = list.assets.iter().position(|held| Some(*held) == asset);
                let unknown = || Refusal::not_found(format!("symbol not found: {symbol}"));
                list.assets.remove(at.ok_or_else(unknown)?);
                list.updated_at = now;
                Ok(id)
            }
            Change::Remove { id } => {
                self.find(&id)?;
                self.lists.retain(|list| list.id != id);
                Ok(id)
            }
        }
    }

    fn create(
        &mut self,
        name: String,
        symbols: &[String],
        market: &Market,
        now: Time,
    ) -> Result<String, Refusal> {
        self.check_name(&name, None)?;
        let assets = places(market, symbols)?;
        self.made += 1;
        let id = id(self.made);
        let list = Watchlist { id: id.clone(), name, created_at: now, updated_at: now, assets };
        self.lists.push(list);
        Ok(id)
    }

    fn check_name(&self, name: &str, id: Option<&str>) -> Result<(), Refusal> {
        if name.trim().is_empty() || name.chars().count() > NAME_MAX {
            return Err(Refusal::malformed("name must have 1 to 64 characters"));
        }
        let taken = |list: &Watchlist| list.name == name && Some(list.id.as_str()) != id;
        if self.lists.iter().any(taken) {
            return Err(Refusal::malformed("watchlist name must be unique"));
        }
        Ok(())
    }

    fn find(&mut self, id: &str) -> Result<&mut Watchlist, Refusal> {
        self.lists.iter_mut().find(|list| list.id == id).ok_or_else(unknown)
    }
}

fn unknown() -> Refusal {
    Refusal::not_found("watchlist not found")
}

fn place(market: &Market, symbol: &str) -> Result<usize, Refusal> {
    let unknown = || Refusal::invalid(format!("asset \"{symbol}\" not found"));
    market.find_alias(symbol).ok_or_else(unknown)
}

fn places(market: &Market, symbols: &[String]) -> Result<Vec<usize>, Refusal> {
    let mut seen = BTreeSet::new();
    let places = symbols.iter().map(|symbol| place(market, symbol));
    let places: Vec<usize> = places.collect::<Result<_, _>>()?;
    Ok(places.into_iter().filter(|place| seen.insert(*place)).collect())
}

/// Looks like Alpaca's; the same on every replay.
fn id(number: u64) -> String {
    let hex = messages::sha256_hex(format!("watchlist {number}").as_bytes());
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

async fn list(State(app): State<Arc<App>>) -> Reply {
    let lists = app.turn(|venue| {
        let account = venue.exchange.account_id();
        let lists = venue.watchlists.lists.iter();
        lists.map(|list| wire(list, &account, None)).collect::<Vec<_>>()
    });
    Ok(ok(&lists))
}

async fn create(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let fields = fields(&body)?;
    let name = fields.name.ok_or_else(|| Refusal::malformed("name is required"))?;
    change(&app, Change::Create { name, symbols: fields.symbols.unwrap_or_default() })
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    shown(&app, &id)
}

async fn update(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let Fields { name, symbols, .. } = fields(&body)?;
    change(&app, Change::Update { id, name, symbols })
}

async fn add(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let symbol = fields(&body)?.symbol;
    let symbol = symbol.ok_or_else(|| Refusal::malformed("symbol is required"))?;
    change(&app, Change::Add { id, symbol })
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    removed(&app, id)
}

async fn drop_symbol(
    State(app): State<Arc<App>>,
    Path((id, symbol)): Path<(String, String)>,
) -> Reply {
    change(&app, Change::Drop { id, symbol })
}

async fn drop_pair(
    State(app): State<Arc<App>>,
    Path((id, base, quote)): Path<(String, String, String)>,
) -> Reply {
    change(&app, Change::Drop { id, symbol: format!("{base}/{quote}") })
}

async fn show_named(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    shown(&app, &named(&app, query.get("name"))?)
}

async fn update_named(State(app): State<Arc<App>>, Query(query): Parameters, body: Bytes) -> Reply {
    let Fields { name, symbols, .. } = fields(&body)?;
    change(&app, Change::Update { id: named(&app, query.get("name"))?, name, symbols })
}

async fn add_named(State(app): State<Arc<App>>, Query(query): Parameters, body: Bytes) -> Reply {
    let symbol = fields(&body)?.symbol;
    let symbol = symbol.ok_or_else(|| Refusal::malformed("symbol is required"))?;
    change(&app, Change::Add { id: named(&app, query.get("name"))?, symbol })
}

async fn remove_named(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    removed(&app, named(&app, query.get("name"))?)
}

fn named(app: &App, name: Option<&String>) -> Result<String, Refusal> {
    let name = name.ok_or_else(|| Refusal::malformed("name is required"))?;
    app.turn(|venue| {
        let mut lists = venue.watchlists.lists.iter();
        lists.find(|list| list.name == *name).map(|list| list.id.clone()).ok_or_else(unknown)
    })
}

fn fields(body: &[u8]) -> Result<Fields, Refusal> {
    let malformed = || Refusal::new(400, Refusal::MALFORMED, "request body format is invalid");
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    serde_json::from_value(value).map_err(|error| Refusal::malformed(error.to_string()))
}

fn change(app: &App, change: Change) -> Reply {
    let id = apply(app, change)?;
    shown(app, &id)
}

fn removed(app: &App, id: String) -> Reply {
    apply(app, Change::Remove { id })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn apply(app: &App, change: Change) -> Result<String, Refusal> {
    app.change(Command::Watchlist(change.clone()), |venue| {
        venue.watchlists.apply(change, &app.market, venue.exchange.now())
    })
}

fn shown(app: &App, id: &str) -> Result<Response, crate::reply::Refused> {
    let shown = app.turn(|venue| {
        let account = venue.exchange.account_id();
        let list = venue.watchlists.find(id)?;
        let assets = list.assets.iter().map(|at| assets::wire(&app.market.assets()[*at]));
        Ok::<_, Refusal>(wire(list, &account, Some(assets.collect())))
    })?;
    Ok(ok(&shown))
}

fn wire(list: &Watchlist, account: &str, assets: Option<Vec<Asset>>) -> Wire {
    Wire {
        id: list.id.clone(),
        account_id: account.to_owned(),
        name: list.name.clone(),
        created_at: Stamp(list.created_at),
        updated_at: Stamp(list.updated_at),
        assets,
    }
}
