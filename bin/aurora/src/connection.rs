//! Whom a command speaks to: a venue by address, or Alpaca by the configuration and the keys.

use crate::config::Config;
use crate::failure::{Failure, fail};
use alpaca::{Client, Credentials, Endpoints};

const KEYS: [&str; 2] = ["APCA_API_KEY_ID", "APCA_API_SECRET_KEY"];

pub fn client(config: &Config, venue: Option<&str>) -> Result<Client, Failure> {
    let [key, secret] = KEYS.map(|name| {
        std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
            fail(format!("{name} is not set: Alpaca (and bin/venue, if started with keys) asks for a key pair"))
        })
    });
    let credentials = Credentials::new(key?, secret?);
    let client = match venue {
        // Our own venue paces by itself, if it was told to.
        Some(address) => {
            let address = address.trim_start_matches("http://").trim_end_matches('/');
            Client::new(Endpoints::local(address), credentials)?.paced(None, None)
        }
        None => Client::new(endpoints(config)?, credentials)?,
    };
    Ok(client)
}

/// Only a paper account: until real money is a feature, it must not be reachable by a typing error. Keys
/// go to no other host.
const HOSTS: [(&str, &str); 4] = [
    ("https", "paper-api.alpaca.markets"),
    ("wss", "paper-api.alpaca.markets"),
    ("https", "data.alpaca.markets"),
    ("wss", "stream.data.alpaca.markets"),
];

fn endpoints(config: &Config) -> Result<Endpoints, Failure> {
    let alpaca = &config.alpaca;
    for url in [&alpaca.trading, &alpaca.trading_stream, &alpaca.data, &alpaca.data_stream] {
        let known = HOSTS.iter().any(|(scheme, host)| *url == format!("{scheme}://{host}"));
        if !known {
            return Err(fail(format!(
                "{url} is none of Alpaca's paper and data hosts ({}): this release trades paper accounts only; \
                 --venue names another venue",
                HOSTS.map(|(scheme, host)| format!("{scheme}://{host}")).join(", ")
            )));
        }
    }
    Ok(Endpoints {
        trading: alpaca.trading.clone(),
        data: alpaca.data.clone(),
        data_stream: alpaca.data_stream.clone(),
        trading_stream: alpaca.trading_stream.clone(),
    })
}
