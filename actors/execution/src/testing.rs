//! What the tests of this crate start from.

use messages::{
    Breakers, Date, Env, HistoryRef, Holding, Limits, Price, RiskRules, SessionOpened, Shares, Usd,
};

const DAY: Date = Date::constant(2024, 1, 3);

/// $1,000,000: orders up to $100,000. No positions.
pub(crate) fn opened() -> SessionOpened {
    SessionOpened {
        env: Env::Backtest,
        run_id: String::new(),
        source: String::new(),
        session: DAY,
        signal_session: DAY,
        universe: Vec::new(),
        sectors_sha256: String::new(),
        sectors_as_of: DAY,
        limits: Limits {
            gross: 0.5,
            gross_max: 0.5,
            name_max: 0.2,
            net_max: 0.01,
            beta_max: 0.01,
            sector_net_max: 0.01,
            adv_share_max: 0.02,
            order_max: 0.1,
        },
        config_sha256: String::new(),
        whitelist_sha256: String::new(),
        model: None,
        history: HistoryRef { through: DAY, sessions: 0, sha256: String::new() },
        positions: Vec::new(),
        cash: Usd(0),
        equity: Usd(1_000_000_000_000),
        halted: None,
        rules: None,
        edge: None,
        peak_equity: None,
        overnight: None,
        execution: None,
        scored: None,
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
    RiskRules {
        risk_aversion: 5.0,
        turnover_max: 1.0,
        restricted: Vec::new(),
        shorts: true,
        not_shortable: Vec::new(),
        short_equity_min_usd: 2_000,
        order_max_usd,
        collar: 0.05,
        orders_per_minute: 150,
        equity_left_min: 0.1,
        plan_multiple: 3.0,
        breakers: Breakers {
            day_loss: [0.01, 0.015, 0.025],
            drawdown: [0.05, 0.08, 0.1],
            rejects_in_a_row: 3,
        },
    }
}
