//! Risk's rules as the shipped configuration has them.

use messages::{Breakers, RiskRules};

pub(crate) fn rules() -> RiskRules {
    RiskRules {
        risk_aversion: 5.0,
        turnover_max: 0.5,
        restricted: Vec::new(),
        shorts: true,
        not_shortable: Vec::new(),
        short_equity_min_usd: 2_000,
        order_max_usd: 250_000,
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
