//! In the chair of risk: what shall be held, in whole shares. The weights are a user's own decision, so every order
//! towards them is approved.

use kernel::{Actor, Outbox};
use messages::{
    ActorId, Bars, Envelope, Holding, Message, Price, SessionOpened, Shares, Symbol, Target,
    Targets, Topic, Usd,
};
use reporting::{Sectors, exposures};
use std::collections::BTreeMap;
use std::rc::Rc;

/// `trunc(weight × equity ÷ close)` of each name, in this order of operations; without weights what is held.
#[derive(Debug)]
pub struct Sizing {
    /// Of the signal session, in the order of the universe.
    weights: Option<Vec<f64>>,
    /// Basis points of a trade, both costs together: for people.
    cost_bp: f64,
    /// Of every member: the order of the universe is that of its symbols.
    sectors: Rc<Sectors>,
    opened: Option<Opened>,
}

/// Of the account, before the session.
#[derive(Debug)]
struct Opened {
    equity: Usd,
    held: BTreeMap<Symbol, Shares>,
}

impl Opened {
    fn of(opened: &SessionOpened) -> Self {
        let held = opened.positions.iter().map(|held| (held.symbol.clone(), held.quantity));
        Self { equity: opened.equity, held: held.collect() }
    }
}

impl Sizing {
    pub fn new(weights: Option<Vec<f64>>, cost_bp: f64, sectors: Rc<Sectors>) -> Self {
        Self { weights, cost_bp, sectors, opened: None }
    }

    fn targets(&self, bars: &Bars) -> Targets {
        let opened = self.opened.as_ref().expect("a journal begins with SessionOpened");
        let equity = opened.equity.to_f64();
        let mut targets = Vec::with_capacity(self.sectors.len());
        for (at, symbol) in self.sectors.keys().enumerate() {
            let held = opened.held.get(symbol).copied().unwrap_or_default();
            let weight = self.weights.as_ref().map(|weights| weights[at]);
            if weight.unwrap_or(0.0) == 0.0 && held == Shares(0) {
                continue;
            }
            let row = bars.row(symbol).expect("the plan has checked that it has a close");
            let close = bars.close[row];
            let mark = Price::from_f64(close).expect("the plan has checked the close");
            let quantity =
                weight.map_or(held, |weight| Shares((weight * equity / close).trunc() as i64));
            let weight = weight.unwrap_or(held.0 as f64 * close / equity);
            let (symbol, cost_bp) = (symbol.clone(), self.cost_bp);
            targets.push(Target { symbol, weight, quantity, held, mark, cost_bp });
        }
        let exposures = exposures(&book(&targets), opened.equity, None, &self.sectors)
            .expect("every member has a sector, and no beta is asked for");
        let (signal_session, nav) = (bars.session, opened.equity);
        Targets { signal_session, nav, targets, exposures, theta: 1.0, binding: Vec::new() }
    }
}

impl Actor for Sizing {
    fn id(&self) -> ActorId {
        ActorId::Risk
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::SessionOpened, Topic::Bars, Topic::SubmitOrder]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.opened = Some(Opened::of(opened)),
            Message::Bars(bars) => out.send(Message::Targets(self.targets(bars))),
            Message::SubmitOrder(order) => out.send(Message::OrderApproved(order.clone())),
            other => unreachable!("does not listen to {}", other.topic()),
        }
    }
}

fn book(targets: &[Target]) -> Vec<Holding> {
    let holding = |Target { symbol, quantity, mark, .. }: &Target| Holding {
        symbol: symbol.clone(),
        quantity: *quantity,
        average: *mark,
        mark: *mark,
        rounding: Usd(0),
    };
    targets.iter().map(holding).collect()
}
