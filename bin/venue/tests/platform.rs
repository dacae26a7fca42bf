//! Account, clock, calendar, assets, history, activities, watchlists, and who is let in.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{KEYS, TODAY, at, config, desk, desk_with, market, utc};
use messages::Usd;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).parse().unwrap()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[tokio::test]
async fn the_account_has_every_field_and_adds_up() {
    let desk = desk().await;
    desk.order(json!({"symbol": "AAPL", "qty": 100})).await;
    desk.order(json!({"symbol": "GOOGL", "qty": 50, "side": "sell"})).await;
    desk.step(TODAY, 12, 0).await;
    let account = desk.get("/v2/account").await;
    let amounts = "buying_power regt_buying_power effective_buying_power \
        non_marginable_buying_power options_buying_power cash equity last_equity portfolio_value \
        position_market_value long_market_value short_market_value initial_margin \
        maintenance_margin last_maintenance_margin sma accrued_fees pending_transfer_in \
        pending_transfer_out pending_reg_taf_fees intraday_adjustments multiplier";
    for name in amounts.split_whitespace() {
        decimal(&account[name]);
    }
    for name in "trading_blocked transfers_blocked account_blocked trade_suspended_by_user \
        shorting_enabled"
        .split_whitespace()
    {
        assert!(account[name].is_boolean(), "{name}");
    }
    for name in ["crypto_tier", "options_approved_level", "options_trading_level"] {
        assert!(account[name].is_i64(), "{name}");
    }
    assert_eq!((&account["status"], &account["currency"]), (&json!("ACTIVE"), &json!("USD")));
    assert_eq!(account["admin_configurations"], json!({}));
    assert_eq!(account.get("user_configurations"), Some(&Value::Null));
    assert_eq!(account["created_at"], json!(utc(at(TODAY, 8, 0))));
    let before = market().calendar().sessions()[TODAY - 1].date.to_string();
    assert_eq!(account["balance_asof"], json!(before));
    assert!(account.get("pattern_day_trader").is_none(), "gone since July 2026");
    let of = |name: &str| decimal(&account[name]);
    let (long, short) = (of("long_market_value"), of("short_market_value"));
    assert!(long > Decimal::ZERO && short < Decimal::ZERO);
    assert_eq!(of("equity"), of("cash") + long + short);
    assert_eq!(of("equity"), of("portfolio_value"));
    assert_eq!(of("position_market_value"), long + short);
    assert_eq!(of("last_equity"), Decimal::from(1_000_000));
    assert_eq!(account["id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn settings_are_kept_and_have_an_effect() {
    let desk = desk().await;
    let path = "/v2/account/configurations";
    let usual = desk.get(path).await;
    assert_eq!(usual["max_margin_multiplier"], "4");
    assert_eq!((&usual["no_shorting"], &usual["suspend_trade"]), (&json!(false), &json!(false)));
    // alpaca-py sends what it does not change as well, and null for what it does not know.
    let mut change = usual.clone();
    change["no_shorting"] = json!(true);
    change["fractional_trading"] = json!(false);
    change["max_margin_multiplier"] = json!("1");
    change["pdt_check"] = Value::Null;
    let (status, changed) = desk.ask(Method::PATCH, path, change).await;
    assert_eq!((status.as_u16(), &changed["no_shorting"]), (200, &json!(true)));
    assert_eq!(desk.get(path).await, changed);
    let account = desk.get("/v2/account").await;
    assert_eq!(
        (&account["shorting_enabled"], &account["multiplier"]),
        (&json!(false), &json!("1"))
    );
    let short = json!({"symbol": "AAPL", "qty": 1, "side": "sell"});
    assert_eq!(desk.try_order(short.clone()).await.0, 403);
    assert_eq!(desk.try_order(json!({"symbol": "AAPL", "qty": 0.5})).await.0, 403);
    let all = json!({"no_shorting": false, "suspend_trade": true, "max_margin_multiplier": "4"});
    desk.ask(Method::PATCH, path, all).await;
    let account = desk.get("/v2/account").await;
    assert_eq!(account["trade_suspended_by_user"], json!(true));
    assert_eq!(desk.try_order(json!({"symbol": "AAPL", "qty": 1})).await.0, 403);
    desk.ask(Method::PATCH, path, json!({"suspend_trade": false})).await;
    desk.order(short).await;
    for wrong in [
        json!({"no_shorting": "yes"}),
        json!({"max_margin_multiplier": "3"}),
        json!({"trade_confirm_email": "some"}),
        json!({"max_options_trading_level": 9}),
    ] {
        assert_eq!(desk.ask(Method::PATCH, path, wrong.clone()).await.0, 422, "{wrong}");
    }
    assert_eq!(desk.ask(Method::PATCH, path, json!([])).await.0, 400);
}

#[tokio::test]
async fn a_venue_can_start_long_only() {
    let mut config = config();
    config.no_shorting = true;
    let desk = desk_with(config).await;
    assert_eq!(desk.get("/v2/account/configurations").await["no_shorting"], json!(true));
    assert_eq!(desk.get("/v2/account").await["shorting_enabled"], json!(false));
}

#[tokio::test]
async fn the_clock_has_new_yorks_offset() {
    let desk = desk().await;
    let clock = desk.get("/v2/clock").await;
    assert!(clock["timestamp"].as_str().unwrap().ends_with("08:00:00-05:00"), "{clock}");
    assert_eq!(clock["is_open"], json!(false));
    assert!(clock["next_open"].as_str() < clock["next_close"].as_str());
    desk.step(TODAY, 9, 30).await;
    let clock = desk.get("/v2/clock").await;
    assert_eq!(clock["is_open"], json!(true));
    assert!(clock["next_open"].as_str() > clock["next_close"].as_str());
}

#[tokio::test]
async fn the_calendar_goes_on_by_rule_behind_the_market() {
    let desk = desk().await;
    let days = desk.get("/v2/calendar?start=2019-01-01&end=2019-01-08").await;
    let dates: Vec<&str> =
        days.as_array().unwrap().iter().map(|d| d["date"].as_str().unwrap()).collect();
    assert_eq!(dates, ["2019-01-02", "2019-01-03", "2019-01-04", "2019-01-07", "2019-01-08"]);
    let first = json!({"date": "2019-01-02", "open": "09:30", "close": "16:00",
        "session_open": "0400", "session_close": "2000", "settlement_date": "2019-01-04"});
    assert_eq!(days[0], first);
    let thanksgiving = desk.get("/v2/calendar?start=2024-11-28&end=2024-11-29").await;
    assert_eq!(thanksgiving.as_array().unwrap().len(), 1);
    assert_eq!(thanksgiving[0]["close"], "13:00");
    let settled =
        desk.get("/v2/calendar?start=2019-01-04&end=2019-01-04&date_type=SETTLEMENT").await;
    assert_eq!((settled.as_array().unwrap().len(), &settled[0]), (1, &first));
    let nothing = desk.get("/v2/calendar?start=2019-01-05&end=2019-01-06").await;
    assert_eq!(nothing, json!([]));
    for wrong in
        ["start=soon", "start=2019-02-01&end=2019-01-01", "end=2031-01-01", "date_type=NEVER"]
    {
        assert_eq!(desk.refused(&format!("/v2/calendar?{wrong}")).await.0, 422, "{wrong}");
    }
}

#[tokio::test]
async fn assets_are_found_by_every_name() {
    let desk = desk().await;
    let stocks = desk.get("/v2/assets").await;
    assert_eq!(stocks.as_array().unwrap().len(), 8);
    let coins = desk.get("/v2/assets?asset_class=crypto&status=active").await;
    assert!(coins.as_array().unwrap().len() >= 12);
    assert!(coins.as_array().unwrap().iter().all(|asset| asset["exchange"] == "CRYPTO"));
    assert_eq!(desk.get("/v2/assets?status=inactive").await, json!([]));
    assert_eq!(desk.get("/v2/assets?asset_class=us_option").await, json!([]));
    assert_eq!(desk.get("/v2/assets?attributes=ptp_no_exception,ipo").await, json!([]));
    let listed: BTreeSet<&str> =
        stocks.as_array().unwrap().iter().map(|a| a["exchange"].as_str().unwrap()).collect();
    let mut found = 0;
    for exchange in listed {
        let some = desk.get(&format!("/v2/assets?exchange={exchange}")).await;
        found += some.as_array().unwrap().len();
    }
    assert_eq!(found, 8);
    let apple = desk.get("/v2/assets/AAPL").await;
    for name in "id class exchange symbol name status tradable marginable shortable fractionable \
        easy_to_borrow borrow_status maintenance_margin_requirement margin_requirement_long \
        margin_requirement_short attributes"
        .split_whitespace()
    {
        assert!(!apple[name].is_null(), "{name}");
    }
    assert!(apple["maintenance_margin_requirement"].is_number());
    assert!(apple["margin_requirement_long"].is_string() && apple.get("min_order_size").is_none());
    let id = apple["id"].as_str().unwrap();
    assert_eq!(desk.get(&format!("/v2/assets/{id}")).await, apple);
    let coin = desk.get("/v2/assets/BTC%2FUSD").await;
    assert_eq!((&coin["symbol"], &coin["class"]), (&json!("BTC/USD"), &json!("crypto")));
    for name in ["min_order_size", "min_trade_increment", "price_increment"] {
        decimal(&coin[name]);
    }
    assert_eq!(desk.get("/v2/assets/BTCUSD").await, coin);
    assert_eq!(desk.get("/v2/assets/BTC/USD").await, coin);
    let unknown = desk.ask(Method::GET, "/v2/assets/ZZZZ", Value::Null).await;
    assert_eq!(unknown.1, json!({"code": 40_410_000, "message": "asset not found for ZZZZ"}));
    assert_eq!(unknown.0, 404);
    for wrong in ["status=dead", "asset_class=art", "exchange=MOON"] {
        assert_eq!(desk.refused(&format!("/v2/assets?{wrong}")).await.0, 422, "{wrong}");
    }
}

#[tokio::test]
async fn history_by_day_is_the_ledger_at_each_close() {
    let desk = desk().await;
    assert_eq!(desk.get("/v2/account/portfolio/history").await["timestamp"], json!([]));
    desk.order(json!({"symbol": "AAPL", "qty": 1000})).await;
    let mut closes = Vec::new();
    for session in TODAY..TODAY + 4 {
        desk.step(session, 16, 0).await;
        closes.push(decimal(&desk.get("/v2/account").await["equity"]));
    }
    desk.step(TODAY + 4, 11, 0).await;
    closes.push(decimal(&desk.get("/v2/account").await["equity"]));
    let history = desk.get("/v2/account/portfolio/history?period=1M&timeframe=1D").await;
    assert_eq!(history, desk.get("/v2/account/portfolio/history").await, "the default");
    let expected: Vec<f64> = closes.iter().map(|e| e.to_string().parse().unwrap()).collect();
    assert_eq!(numbers(&history["equity"]), expected);
    let sessions = market().calendar().sessions()[TODAY..TODAY + 5].to_vec();
    let opens: Vec<f64> = sessions.iter().map(|s| (s.open.0 / 1_000_000_000) as f64).collect();
    assert_eq!(numbers(&history["timestamp"]), opens);
    assert_eq!((&history["base_value"], &history["timeframe"]), (&json!(1_000_000), &json!("1D")));
    let (profit, part) = (numbers(&history["profit_loss"]), numbers(&history["profit_loss_pct"]));
    for at in 0..5 {
        assert!((profit[at] - (expected[at] - 1e6)).abs() < 1e-6, "{profit:?}");
        assert!((part[at] - profit[at] / 1e6).abs() < 1e-12);
    }
    let three = desk.get("/v2/account/portfolio/history?period=3D&timeframe=1D").await;
    assert_eq!(numbers(&three["equity"]), expected[2..]);
    assert_eq!(three["base_value"].as_f64(), Some(expected[1]));
    assert_eq!(three["base_value_asof"], json!(sessions[1].date.to_string()));
    let (start, end) = (utc(sessions[1].midnight), utc(sessions[2].close));
    let path = format!("/v2/account/portfolio/history?start={start}&end={end}&timeframe=1D");
    assert_eq!(numbers(&desk.get(&path).await["equity"]), expected[1..3]);
    let date_end = format!("period=2D&date_end={}&timeframe=1D", sessions[2].date);
    let ended = desk.get(&format!("/v2/account/portfolio/history?{date_end}")).await;
    assert_eq!(numbers(&ended["equity"]), expected[1..3]);
}

#[tokio::test]
async fn history_within_a_day_follows_the_tape() {
    let desk = desk().await;
    desk.order(json!({"symbol": "AAPL", "qty": 1000})).await;
    desk.step(TODAY, 11, 7).await;
    let now = decimal(&desk.get("/v2/account").await["equity"]);
    let path = "/v2/account/portfolio/history?period=1D";
    let minutes = desk.get(path).await;
    assert_eq!(minutes["timeframe"], "1Min", "the default for less than a week");
    let (times, equity) = (numbers(&minutes["timestamp"]), numbers(&minutes["equity"]));
    assert_eq!(times.len(), 98, "09:30 to 11:07");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 60.0));
    assert_eq!(equity[97].to_string(), now.normalize().to_string());
    // At the end of the first hour the account is worth what it was then.
    let quarter = desk.get(&format!("{path}&timeframe=15Min")).await;
    let quarters = numbers(&quarter["equity"]);
    assert_eq!((quarters.len(), quarters[0], quarters[3]), (7, equity[14], equity[59]));
    let hours = desk.get(&format!("{path}&timeframe=1H&intraday_reporting=extended_hours")).await;
    // Not before the account was opened at 08:00; 08:00 to 11:00.
    assert_eq!(numbers(&hours["timestamp"]).len(), 4);
    assert_eq!(hours, desk.get(&format!("{path}&timeframe=1H&extended_hours=True")).await);
    let always = desk.get(&format!("{path}&timeframe=1H&intraday_reporting=continuous")).await;
    assert_eq!(always["equity"], hours["equity"]);
    // Each day's profit counts from the close before it, or everything from the first.
    desk.step(TODAY + 1, 10, 0).await;
    let per_day = desk.get("/v2/account/portfolio/history?period=2D&timeframe=1H").await;
    let whole = format!("{}&pnl_reset=no_reset", "period=2D&timeframe=1H");
    let whole = desk.get(&format!("/v2/account/portfolio/history?{whole}")).await;
    assert_eq!(per_day["equity"], whole["equity"]);
    let (a, b) = (numbers(&per_day["profit_loss"]), numbers(&whole["profit_loss"]));
    let last = numbers(&per_day["equity"]).len() - 1;
    let close = decimal(&desk.get("/v2/account").await["last_equity"]);
    let carried: f64 = (close - Decimal::from(1_000_000)).to_string().parse().unwrap();
    assert!((b[last] - a[last] - carried).abs() < 1e-6, "{a:?} {b:?}");
    for wrong in [
        "period=1D&start=2019-02-01T00:00:00Z&end=2019-02-05T00:00:00Z",
        "period=2M&timeframe=15Min",
        "start=2019-01-01T00:00:00Z&timeframe=1H",
        "period=1X",
        "period=D",
        "timeframe=2Min",
        "intraday_reporting=never",
        "pnl_reset=weekly",
        "start=2019-03-01T00:00:00Z&end=2019-02-01T00:00:00Z",
    ] {
        let path = format!("/v2/account/portfolio/history?{wrong}");
        assert_eq!(desk.refused(&path).await.0, 422, "{wrong}");
    }
}

#[tokio::test]
async fn activities_are_executions_and_fees_on_coins() {
    let desk = desk().await;
    let coin = json!({"symbol": "BTC/USD", "qty": 0.5, "time_in_force": "gtc"});
    let bought = desk.order(coin).await;
    desk.order(json!({"symbol": "AAPL", "qty": 3, "time_in_force": "opg"})).await;
    desk.step(TODAY, 10, 0).await;
    let all = desk.get("/v2/account/activities").await;
    let kinds: Vec<&str> =
        all.as_array().unwrap().iter().map(|a| a["activity_type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "CFEE").count(), 1, "{kinds:?}");
    let fees = desk.get("/v2/account/activities/CFEE").await;
    assert_eq!(fees, desk.get("/v2/account/activities?category=non_trade_activity").await);
    let fee = &fees[0];
    assert!(decimal(&fee["qty"]) < Decimal::ZERO, "coins of what was bought: {fee}");
    assert_eq!(decimal(&fee["net_amount"]), Decimal::ZERO);
    assert_eq!((&fee["symbol"], &fee["status"]), (&json!("BTC/USD"), &json!("executed")));
    assert!(fee["date"].is_string() && fee["id"].as_str().unwrap().contains("::"));
    let fills = desk.get("/v2/account/activities/FILL?direction=asc").await;
    let first = &fills[0];
    assert_eq!((&first["order_id"], &first["type"]), (&bought["id"], &json!("fill")));
    for name in ["qty", "cum_qty", "leaves_qty", "price"] {
        decimal(&first[name]);
    }
    assert_eq!(fills, desk.get("/v2/account/activities?activity_types=FILL&direction=asc").await);
    let both = desk.get("/v2/account/activities?activity_types=FILL,CFEE").await;
    assert_eq!(both, all);
    // The JavaScript SDK repeats the name instead.
    let path = "/v2/account/activities?activity_types=FILL&activity_types=CFEE";
    assert_eq!(desk.get(path).await, all);
    // By pages, in both directions, over kinds.
    for direction in ["asc", "desc"] {
        let mut seen: Vec<String> = Vec::new();
        loop {
            let token = seen.last().map(|id| format!("&page_token={id}")).unwrap_or_default();
            let path = format!("/v2/account/activities?page_size=1&direction={direction}{token}");
            let page = desk.get(&path).await;
            match page[0]["id"].as_str() {
                Some(id) => seen.push(id.to_owned()),
                None => break,
            }
        }
        if direction == "asc" {
            seen.reverse();
        }
        let ids: Vec<&str> =
            all.as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap()).collect();
        assert_eq!(seen, ids, "{direction}");
    }
    let today = market().calendar().sessions()[TODAY].date;
    assert_eq!(desk.get(&format!("/v2/account/activities?date={today}")).await, all);
    let after = utc(at(TODAY, 9, 30));
    assert_eq!(desk.get(&format!("/v2/account/activities?after={after}")).await, json!([]));
    assert_eq!(desk.get("/v2/account/activities/DIV").await, json!([]));
    for wrong in ["page_size=101", "page_token=x", "category=some", "direction=up", "date=soon"] {
        assert_eq!(
            desk.refused(&format!("/v2/account/activities?{wrong}")).await.0,
            422,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn watchlists_are_made_changed_and_removed() {
    let desk = desk().await;
    let body = json!({"name": "tech", "symbols": ["AAPL", "BTCUSD", "AAPL"]});
    let (status, made) = desk.ask(Method::POST, "/v2/watchlists", body.clone()).await;
    assert_eq!(status, 200, "{made}");
    let symbols = |list: &Value| -> Vec<String> {
        let assets = list["assets"].as_array().unwrap().iter();
        assets.map(|asset| asset["symbol"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(symbols(&made), ["AAPL", "BTC/USD"]);
    let path = format!("/v2/watchlists/{}", made["id"].as_str().unwrap());
    assert_eq!(desk.get(&path).await, made);
    let listed = desk.get("/v2/watchlists").await;
    assert_eq!((&listed[0]["id"], listed[0].get("assets")), (&made["id"], None));
    assert_eq!(listed[0]["account_id"], desk.get("/v2/account").await["id"]);
    let (_, added) = desk.ask(Method::POST, &path, json!({"symbol": "GOOGL"})).await;
    assert_eq!(symbols(&added), ["AAPL", "BTC/USD", "GOOGL"]);
    let (_, fewer) = desk.ask(Method::DELETE, &format!("{path}/BTC/USD"), Value::Null).await;
    assert_eq!(symbols(&fewer), ["AAPL", "GOOGL"]);
    let (_, renamed) = desk.ask(Method::PUT, &path, json!({"name": "old tech"})).await;
    assert_eq!((&renamed["name"], symbols(&renamed)), (&json!("old tech"), symbols(&fewer)));
    let (_, other) = desk.ask(Method::PUT, &path, json!({"symbols": ["PG"]})).await;
    assert_eq!(symbols(&other), ["PG"]);
    assert_eq!(desk.get("/v2/watchlists:by_name?name=old%20tech").await, other);
    for (method, path, body, status) in [
        (Method::POST, "/v2/watchlists", json!({"name": "old tech"}), 422),
        (Method::POST, "/v2/watchlists", json!({"name": "x", "symbols": ["ZZZZ"]}), 422),
        (Method::POST, "/v2/watchlists", json!({"symbols": []}), 422),
        (Method::POST, &path, json!({"symbol": "PG"}), 422),
        (Method::GET, "/v2/watchlists/none", Value::Null, 404),
        (Method::DELETE, &format!("{path}/AAPL"), Value::Null, 404),
        (Method::DELETE, &path, Value::Null, 204),
        (Method::DELETE, &path, Value::Null, 404),
    ] {
        let (got, answer) = desk.ask(method, path, body).await;
        assert_eq!(got, status, "{path}: {answer}");
    }
    assert_eq!(desk.get("/v2/watchlists").await, json!([]));
}

#[tokio::test]
async fn what_there_is_none_of_is_an_empty_list() {
    let desk = desk().await;
    let path = "/v2/corporate_actions/announcements";
    let asked = format!("{path}?ca_types=dividend,split&since=2019-01-01&until=2019-03-01");
    assert_eq!(desk.get(&asked).await, json!([]));
    assert_eq!(desk.refused(path).await.0, 422);
    let long = format!("{path}?ca_types=dividend&since=2019-01-01&until=2019-06-01");
    assert_eq!(desk.refused(&long).await.0, 422);
    assert_eq!(desk.refused(&format!("{path}/some-id")).await.0, 404);
    let none = json!({"option_contracts": [], "next_page_token": null});
    assert_eq!(desk.get("/v2/options/contracts?underlying_symbols=AAPL").await, none);
    assert_eq!(desk.refused("/v2/options/contracts/AAPL250117C00100000").await.0, 404);
}

#[tokio::test]
async fn who_is_let_in() {
    let desk = desk().await;
    let get = |path: &str| desk.http.get(desk.url(path));
    let none = get("/v2/account").send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert!(none.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let wrong = get("/v2/account").header("APCA-API-KEY-ID", KEYS.0);
    let wrong = wrong.header("APCA-API-SECRET-KEY", "no").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap(), json!({"message": "unauthorized."}));
    let half = get("/v2/account").header("APCA-API-KEY-ID", KEYS.0).send().await.unwrap();
    assert_eq!(half.status(), 401);
    let status =
        |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status() };
    assert_eq!(status(get("/v2/account").bearer_auth(KEYS.1)).await, 200);
    assert_eq!(status(get("/v2/account").bearer_auth("other")).await, 401);
    assert_eq!(status(get("/v2/account").basic_auth(KEYS.0, Some(KEYS.1))).await, 200);
    assert_eq!(status(get("/v2/account").basic_auth(KEYS.0, Some("other"))).await, 401);
    let coins = "/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Day";
    assert_eq!(status(get(coins).header("APCA-API-KEY-ID", "x")).await, 401);
    assert_ne!(status(get(coins)).await, 401, "coins need no key");
    assert_eq!(status(get("/v2/stocks/bars?symbols=AAPL&timeframe=1Day")).await, 401);
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_alpacas_form() {
    let desk = desk().await;
    let nothing = desk.ask(Method::GET, "/v2/nothing", Value::Null).await;
    assert_eq!((nothing.0.as_u16(), nothing.1["code"].as_i64()), (404, Some(40_410_000)));
    assert_eq!(desk.ask(Method::PUT, "/v2/account", Value::Null).await.0, 405);
    let malformed = desk.request(Method::POST, "/v2/orders").body("{\"symbol\":");
    assert_eq!(malformed.send().await.unwrap().status(), 400);
    let malformed = desk.request(Method::POST, "/v2/watchlists").body("{");
    assert_eq!(malformed.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn each_api_has_its_limit() {
    let mut config = config();
    (config.rate_limit, config.data_rate_limit) = (Some(3), Some(2));
    let desk = desk_with(config).await;
    let clock = desk.raw("/v2/clock").await;
    let number = |response: &reqwest::Response, name: &str| -> u64 {
        response.headers()[name].to_str().unwrap().parse().unwrap()
    };
    assert_eq!(number(&clock, "x-ratelimit-limit"), 3);
    assert_eq!(number(&clock, "x-ratelimit-remaining"), 2);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let reset = number(&clock, "x-ratelimit-reset");
    assert!(reset > now.as_secs() && reset <= now.as_secs() + 61, "{reset}");
    let bars = "/v2/stocks/bars?symbols=AAPL&timeframe=1Day";
    let data = desk.raw(bars).await;
    assert_eq!((data.status().as_u16(), number(&data, "x-ratelimit-remaining")), (200, 1));
    assert!(!desk.raw("/v2/account").await.headers().contains_key("x-ratelimit-limit"));
    assert_eq!(desk.raw("/v2/account").await.status(), 200);
    // Both minutes began when the venue did, a moment ago.
    let refused = desk.raw("/v2/account").await;
    assert_eq!((refused.status().as_u16(), number(&refused, "x-ratelimit-remaining")), (429, 0));
    assert_eq!(refused.json::<Value>().await.unwrap()["message"], "too many requests.");
    assert_eq!(desk.raw(bars).await.status(), 200);
    assert_eq!(desk.raw(bars).await.status(), 429);
    // Our own controls are nobody's requests.
    desk.step(TODAY, 9, 0).await;
}

#[tokio::test]
async fn recent_data_of_the_sip_are_for_those_who_pay() {
    let mut config = config();
    config.recent_sip = false;
    let desk = desk_with(config).await;
    let bars = "/v2/stocks/bars?symbols=AAPL&timeframe=1Day";
    let sip = format!("{bars}&feed=sip");
    let recent = format!("{sip}&end={}", utc(at(TODAY, 7, 46)));
    let (status, body) = desk.ask(Method::GET, &recent, Value::Null).await;
    let message = "subscription does not permit querying recent SIP data";
    let expected = json!({"code": 42_210_000, "message": message});
    assert_eq!((status.as_u16(), body), (403, expected));
    assert_eq!(desk.refused("/v2/stocks/AAPL/trades/latest?feed=sip").await.0, 403);
    let old = utc(at(TODAY, 7, 45));
    desk.get(&format!("{sip}&end={old}")).await;
    desk.get(&sip).await;
    desk.get(&format!("{bars}&feed=iex")).await;
    desk.get(bars).await;
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_accept_it() {
    let desk = desk().await;
    let asked = |encoding: &'static str| {
        let request = desk.request(Method::GET, "/v2/assets");
        async move { request.header("accept-encoding", encoding).send().await.unwrap() }
    };
    let packed = asked("gzip, deflate").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let (packed, plain) = (packed.bytes().await.unwrap(), asked("identity").await);
    assert!(!plain.headers().contains_key("content-encoding"));
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < plain.bytes().await.unwrap().len());
    let small = desk.request(Method::GET, "/v2/clock").header("accept-encoding", "gzip");
    assert!(!small.send().await.unwrap().headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_ends_with_the_venue() {
    let desk = desk().await;
    assert_eq!(config().exchange.cash, Usd(1_000_000_000_000));
    for _ in 0..3 {
        let response = desk.raw("/v2/clock").await;
        assert_eq!(response.version(), reqwest::Version::HTTP_11);
    }
    let mut stream = desk.stream().await;
    desk.venue.stop().await;
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn what_is_booked_moves_the_account_and_is_listed_as_alpaca_lists_it() {
    let desk = desk().await;
    desk.order(json!({"symbol": "AAPL", "qty": 100, "time_in_force": "opg"})).await;
    desk.step(TODAY, 20, 0).await;
    let before = decimal(&desk.get("/v2/account").await["cash"]);
    let close = decimal(&desk.get("/v2/positions/AAPL").await["current_price"]);
    let book = async |body: Value| desk.ask(Method::POST, "/aurora/v1/activities", body).await;
    let dividend = json!({"activity_type": "DIV", "symbol": "AAPL", "qty": "100",
        "per_share_amount": "0.24", "net_amount": "24", "description": "Cash DIV @ 0.24"});
    let (status, told) = book(dividend).await;
    assert_eq!(status, 200, "{told}");
    let (_, split) = book(json!({"activity_type": "SPLIT", "symbol": "AAPL", "qty": "100"})).await;
    book(json!({"activity_type": "FEE", "net_amount": "-1.50", "unlisted": true})).await;

    let listed = desk.get("/v2/account/activities?category=non_trade_activity&direction=asc").await;
    assert_eq!(listed, json!([told, split]), "and what is unlisted is not");
    assert_eq!(desk.get("/v2/account/activities/DIV").await, json!([told]));
    let today = market().calendar().sessions()[TODAY].date;
    for (name, wanted) in [("status", "executed"), ("net_amount", "24"), ("qty", "100")] {
        assert_eq!(told[name], wanted, "{told}");
    }
    assert_eq!(told["date"], json!(today));
    assert!(told["id"].as_str().unwrap().contains("::") && told["created_at"].is_string());
    assert_eq!(
        desk.get(&format!("/v2/account/activities?date={today}&activity_types=DIV")).await,
        json!([told])
    );

    let account = desk.get("/v2/account").await;
    assert_eq!(decimal(&account["cash"]), before + Decimal::new(2_250, 2));
    let held = desk.get("/v2/positions/AAPL").await;
    assert_eq!(decimal(&held["qty"]), Decimal::from(200));
    assert_eq!(decimal(&held["current_price"]) * Decimal::TWO, close);

    for wrong in [
        json!({"activity_type": "FILL", "net_amount": "1"}),
        json!({"activity_type": "DIV"}),
        json!({"activity_type": "DIV", "net_amount": "1", "symbol": "ZZZZ"}),
        json!({"activity_type": "DIV", "amount": "1"}),
        json!([]),
    ] {
        assert_eq!(book(wrong.clone()).await.0, 422, "{wrong}");
    }
    assert_eq!(desk.get("/aurora/v1/clock").await["stepped"], true);
    // In the window that ends after it.
    desk.step(TODAY + 1, 20, 0).await;
    let flows = "/v2/account/portfolio/history?period=2D&timeframe=1D&cashflow_types=DIV";
    let flows = desk.get(flows).await;
    assert!(numbers(&flows["cashflow"]["DIV"]).contains(&24.0), "{flows}");
}
