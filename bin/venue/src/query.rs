//! Parameters of a query string.

use crate::reply::Refused;
use crate::state::App;
use axum::extract::{Query, Request};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::Response;
use exchange::Refusal;
use messages::{Date, Time};
use std::collections::BTreeMap;

/// Parameters by name; see [`join_repeats`] for those given twice.
pub(crate) type Parameters = Query<BTreeMap<String, String>>;

/// Around the routes: of a parameter given more than once, as the JavaScript SDK gives lists, one with
/// its values joined by commas.
pub(crate) async fn join_repeats(mut request: Request, next: Next) -> Response {
    if let Some(uri) = joined(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// `None` where nothing is given twice.
fn joined(uri: &Uri) -> Option<Uri> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    let mut repeated = false;
    for pair in uri.query()?.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // `symbols[]=A&symbols[]=B` is a common spelling of a list as well.
        let plain = name.strip_suffix("[]").or_else(|| name.strip_suffix("%5B%5D"));
        repeated |= plain.is_some();
        let name = plain.unwrap_or(name);
        match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                repeated = true;
                values.push_str("%2C");
                values.push_str(value);
            }
            None => pairs.push((name, value.to_owned())),
        }
    }
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let target = format!("{}?{}", uri.path(), query.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok().filter(|_| repeated)?);
    Uri::from_parts(parts).ok()
}

pub(crate) fn ascending(query: &BTreeMap<String, String>) -> Result<bool, Refused> {
    match query.get("direction").map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("" | "desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(other) => Err(Refusal::malformed(format!("invalid direction: {other}")).into()),
    }
}

/// An RFC 3339 time, or a date: midnight in New York.
pub(crate) fn moment(
    app: &App,
    query: &BTreeMap<String, String>,
    name: &str,
) -> Result<Option<Time>, Refused> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let midnight = |date: Date| {
        let date = alpaca::time::bound_date(date);
        app.market.calendar().instant(date, jiff::civil::Time::midnight())
    };
    let moment = alpaca::time::parse_bound(text).ok().or_else(|| text.parse().ok().map(midnight));
    let wrong = || Refusal::malformed(format!("invalid {name}: {text:?} is no time")).into();
    moment.map(Some).ok_or_else(wrong)
}

pub(crate) fn date(query: &BTreeMap<String, String>, name: &str) -> Result<Option<Date>, Refused> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    // A time will do: its first ten characters are a date.
    let date = text.get(..10).and_then(|date| date.parse().ok());
    let wrong = || Refusal::malformed(format!("invalid {name}: {text:?} is no date")).into();
    date.map(Some).ok_or_else(wrong)
}

/// `true`, `True` and `TRUE` are all sent by clients.
pub(crate) fn flag(query: &BTreeMap<String, String>, name: &str) -> Result<Option<bool>, Refused> {
    match query.get(name).map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("") => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Refusal::malformed(format!("invalid {name}: true or false")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_become_one_list() {
        let joined =
            |text: &'static str| joined(&Uri::from_static(text)).map(|uri| uri.to_string());
        assert_eq!(joined("/v2/orders?a=1&b=2"), None);
        assert_eq!(joined("/v2/orders"), None);
        assert_eq!(joined("/x?a=1&b=2&a=3%2F4").as_deref(), Some("/x?a=1%2C3%2F4&b=2"));
        assert_eq!(joined("/x?s[]=A&s[]=B").as_deref(), Some("/x?s=A%2CB"));
    }
}
