//! What the tests of this crate start from.

#[path = "../../../tests/support/rules.rs"]
mod shipped;

use messages::{Date, Env, Limits, RiskRules, SessionOpened, Usd};

const DAY: Date = Date::constant(2024, 1, 3);

/// $100,000: orders up to $10,000, names to $20,000, gross to $50,000. No rules.
pub(crate) fn opened() -> SessionOpened {
    SessionOpened {
        equity: Usd(100_000_000_000),
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

pub(crate) fn rules() -> RiskRules {
    RiskRules { turnover_max: 1.0, ..shipped::rules() }
}
