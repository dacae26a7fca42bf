//! The account, and what its owner can set in it.

use crate::persistence::Command;
use crate::reply::{Reply, ok};
use crate::state::{App, State as Venue};
use alpaca::model::{Account, AccountConfigurations, Amount, Stamp};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use exchange::{Permissions, Refusal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/account", get(account))
        .route("/v2/account/configurations", get(settings).patch(change_settings))
}

/// `GET /v2/account/configurations`, all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "Alpaca's")]
pub(crate) struct Settings {
    fractional_trading: bool,
    no_shorting: bool,
    suspend_trade: bool,
    disable_overnight_trading: bool,
    ptp_no_exception_entry: bool,
    /// 1, 2 or 4.
    max_margin_multiplier: u8,
    /// There are no options here: it is kept and has no effect.
    max_options_trading_level: i64,
    trade_confirm_email: String,
}

impl Settings {
    pub(crate) fn new(permissions: Permissions) -> Self {
        Self {
            fractional_trading: permissions.fractional,
            no_shorting: !permissions.short,
            suspend_trade: !permissions.trade,
            disable_overnight_trading: false,
            ptp_no_exception_entry: false,
            max_margin_multiplier: permissions.multiplier_max,
            max_options_trading_level: 0,
            trade_confirm_email: "all".to_owned(),
        }
    }

    pub(crate) fn long_only(mut self) -> Self {
        self.no_shorting = true;
        self
    }

    /// What the exchange has to know of it.
    fn permissions(&self) -> Permissions {
        Permissions {
            fractional: self.fractional_trading,
            short: !self.no_shorting,
            trade: !self.suspend_trade,
            multiplier_max: self.max_margin_multiplier,
        }
    }

    /// As `body` wants it; what it leaves out, or gives as null, stays.
    fn changed(&self, body: &Value) -> Result<Self, Refusal> {
        let invalid = |name: &str| Refusal::malformed(format!("invalid {name}"));
        let flag = |name: &str, now: bool| match body.get(name) {
            None | Some(Value::Null) => Ok(now),
            Some(Value::Bool(wanted)) => Ok(*wanted),
            Some(_) => Err(invalid(name)),
        };
        let multiplier = match body.get("max_margin_multiplier") {
            None | Some(Value::Null) => self.max_margin_multiplier,
            Some(value) => match value.as_str().unwrap_or(&value.to_string()) {
                "1" => 1,
                "2" => 2,
                "4" => 4,
                _ => return Err(invalid("max_margin_multiplier: 1, 2 or 4")),
            },
        };
        let level = match body.get("max_options_trading_level") {
            None | Some(Value::Null) => self.max_options_trading_level,
            Some(value) => {
                let level = value.as_i64().filter(|level| (0..=3).contains(level));
                level.ok_or_else(|| invalid("max_options_trading_level: 0 to 3"))?
            }
        };
        let email = match body.get("trade_confirm_email") {
            None | Some(Value::Null) => self.trade_confirm_email.clone(),
            Some(Value::String(email)) if ["all", "none"].contains(&email.as_str()) => {
                email.clone()
            }
            Some(_) => return Err(invalid("trade_confirm_email: all or none")),
        };
        Ok(Self {
            fractional_trading: flag("fractional_trading", self.fractional_trading)?,
            no_shorting: flag("no_shorting", self.no_shorting)?,
            suspend_trade: flag("suspend_trade", self.suspend_trade)?,
            disable_overnight_trading: flag(
                "disable_overnight_trading",
                self.disable_overnight_trading,
            )?,
            ptp_no_exception_entry: flag("ptp_no_exception_entry", self.ptp_no_exception_entry)?,
            max_margin_multiplier: multiplier,
            max_options_trading_level: level,
            trade_confirm_email: email,
        })
    }

    /// From here on.
    pub(crate) fn apply(self, venue: &mut Venue) {
        venue.exchange.set_permissions(self.permissions());
        venue.settings = self;
    }

    fn wire(&self) -> AccountConfigurations {
        AccountConfigurations {
            fractional_trading: Some(self.fractional_trading),
            max_margin_multiplier: Some(self.max_margin_multiplier.to_string()),
            max_options_trading_level: Some(self.max_options_trading_level),
            no_shorting: Some(self.no_shorting),
            ptp_no_exception_entry: Some(self.ptp_no_exception_entry),
            suspend_trade: Some(self.suspend_trade),
            disable_overnight_trading: Some(self.disable_overnight_trading),
            trade_confirm_email: Some(self.trade_confirm_email.clone()),
            ..AccountConfigurations::default()
        }
    }
}

async fn account(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.turn(|venue| wire(venue))))
}

async fn settings(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.turn(|venue| venue.settings.wire())))
}

async fn change_settings(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let Ok(body @ Value::Object(_)) = serde_json::from_slice(&body) else {
        return Err(Refusal::new(400, Refusal::MALFORMED, "request body format is invalid").into());
    };
    let wanted = app.turn(|venue| venue.settings.changed(&body))?;
    let told = wanted.wire();
    app.change(Command::Settings(wanted.clone()), |venue| {
        wanted.apply(venue);
        Ok(())
    })?;
    Ok(ok(&told))
}

fn wire(venue: &Venue) -> Account {
    let exchange = &venue.exchange;
    let state = exchange.account();
    let amount = |value: Decimal| Some(Amount(value));
    let (cash, equity) = state.stated();
    let (id, none) = (exchange.account_id(), amount(Decimal::ZERO));
    let calendar = exchange.market().calendar();
    let today = calendar.local(exchange.now()).date();
    let before = calendar.sessions().partition_point(|session| session.date < today);
    Account {
        account_number: Some(format!("PA{}", id[..10].replace('-', "").to_uppercase())),
        id,
        status: "ACTIVE".to_owned(),
        crypto_status: Some("ACTIVE".to_owned()),
        crypto_tier: Some(1),
        currency: Some("USD".to_owned()),
        created_at: Some(Stamp(venue.started)),
        balance_asof: before.checked_sub(1).map(|last| calendar.sessions()[last].date),
        cash: amount(cash),
        equity: amount(equity),
        last_equity: amount(state.stated_last_equity()),
        portfolio_value: amount(equity),
        position_market_value: amount(state.long_value + state.short_value),
        long_market_value: amount(state.long_value),
        short_market_value: amount(state.short_value),
        buying_power: amount(state.buying_power),
        regt_buying_power: amount(state.regt_buying_power),
        effective_buying_power: amount(state.buying_power),
        non_marginable_buying_power: amount(state.non_marginable_buying_power),
        options_buying_power: none,
        initial_margin: amount(state.initial_margin),
        maintenance_margin: amount(state.maintenance_margin),
        last_maintenance_margin: amount(state.last_maintenance_margin),
        sma: none,
        multiplier: amount(Decimal::from(state.multiplier)),
        accrued_fees: amount(state.accrued_fees),
        pending_transfer_in: none,
        pending_transfer_out: none,
        pending_reg_taf_fees: none,
        intraday_adjustments: none,
        trade_suspended_by_user: venue.settings.suspend_trade,
        shorting_enabled: state.shorting_enabled,
        // There are no options on this venue.
        options_approved_level: Some(0),
        options_trading_level: Some(0),
        admin_configurations: Some(json!({})),
        user_configurations: Some(Value::Null),
        ..Account::default()
    }
}
