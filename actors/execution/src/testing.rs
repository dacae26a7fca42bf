//! What the tests of this crate start from.

#[path = "../../../tests/support/rules.rs"]
mod shipped;

use messages::{Date, Env, Holding, Limits, Price, RiskRules, SessionOpened, Shares, Usd};

const DAY: Date = Date::constant(2024, 1, 3);

/// $1,000,000: orders up to $100,000. No positions.
pub(crate) fn opened() -> SessionOpened {
    SessionOpened {
        equity: Usd(1_000_000_000_000),
        ..SessionOpened::new(
            Env::Backtest,
            DAY,
            DAY,
            Limits {
                gross: 0.5,
                gross_max: 0.5,
                name_max: 0.2,
                net_max: 0.01,
                beta_max: 0.01,
                sector_net_max: 0.01,
                adv_share_max: 0.02,
                order_max: 0.1,
            },
        )
    }
}

/// At $1.
pub(crate) fn holding(symbol: &str, quantity: i64) -> Holding {
    let one = Price(1_000_000);
    Holding {
        symbol: symbol.into(),
        quantity: Shares(quantity),
        average: one,
        mark: one,
        rounding: Usd(0),
    }
}

pub(crate) fn rules(order_max_usd: u32) -> RiskRules {
    RiskRules { order_max_usd, turnover_max: 1.0, ..shipped::rules() }
}
