//! The gateway alone, told step by step what the venue does: what it makes of one that answers badly, late or not at all.

use crate::day::Day;
use crate::net::{self, Command, Reply, Request, Shared, State};
use crate::plan::Trouble;
use crate::wire::statement;
use crate::world::{self, Running, unavailable, unreachable};
use alpaca::AlpacaError;
use broker::BrokerError;
use messages::{
    AccountReported, ActorId, Alarm, Envelope, Holding, KillLevel, Marked, Message, MessageId,
    Order, OrderStatus, Phase, PhaseBegan, Price, Shares, Side, Time, TimeInForce,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// What becomes of a request.
enum Fate {
    Answered,
    Failed(AlpacaError),
    /// With less than the venue knows.
    Says(Reply),
    /// It stays under way.
    Hangs,
}

type Venue<'a> = &'a dyn Fn(&Request) -> Fate;

struct Story {
    state: Shared,
    day: Day,
    gateway: Option<Running>,
    ended: Option<Result<(), BrokerError>>,
    /// The trade stream is connected and brings nothing.
    deaf: bool,
    /// How long an answer takes.
    takes: Duration,
    /// What was asked, and when its answer came.
    log: Vec<(Duration, Request)>,
}

impl Story {
    /// A session that has just begun.
    fn new() -> Self {
        let day = Day::small(0);
        let state = State::new(day.exchange.clone(), day.morning());
        let state = Rc::new(RefCell::new(state));
        let gateway = Some(world::begin(&state));
        let (takes, log) = (Duration::ZERO, Vec::new());
        Self { state, day, gateway, ended: None, deaf: false, takes, log }
    }

    /// Until the gateway waits for time to pass, or for what hangs.
    fn go_on(&mut self, venue: Venue) {
        while let Some(gateway) = &mut self.gateway {
            self.state.borrow_mut().wake_at = None;
            if let Poll::Ready(ended) = world::go_on(gateway, &self.state) {
                (self.gateway, self.ended) = (None, Some(ended));
                return;
            }
            if !self.moves(venue) {
                return;
            }
        }
    }

    /// Whether anything happened that the gateway may want to know.
    fn moves(&mut self, venue: Venue) -> bool {
        let mut state = self.state.borrow_mut();
        let mut moved = false;
        while let Some(said) = state.gateway.outbox.pop_front() {
            state.store(said);
        }
        let length = state.journal.len();
        moved |= std::mem::replace(&mut state.gateway.delivered, length) < length;
        if let Some(line) = &mut state.line {
            let brought: Vec<_> = line.on_the_way.drain(..).collect();
            if !self.deaf {
                moved |= !brought.is_empty();
                line.arrived.extend(brought);
            }
        }
        let waits = |state: &State| {
            let mut flights = state.flights.iter().filter(|(_, flight)| !flight.landed);
            flights
                .find(|(_, flight)| !matches!(venue(&flight.request), Fate::Hangs))
                .map(|it| *it.0)
        };
        if let Some(number) = waits(&state) {
            let request = state.flights[&number].request.clone();
            let answer = match venue(&request) {
                Fate::Failed(error) => Err(error),
                Fate::Says(reply) => Ok(reply),
                _ => state.carry_out(number, false),
            };
            state.now += self.takes;
            self.log.push((state.now, request));
            let flight = state.flights.get_mut(&number).expect("it waits");
            (flight.answer, flight.landed, moved) = (Some(answer), true, true);
        }
        moved
    }

    fn pass(&mut self, time: Duration, venue: Venue) {
        let until = self.state.borrow().now + time;
        loop {
            self.go_on(venue);
            let mut state = self.state.borrow_mut();
            if state.now >= until || self.ended.is_some() {
                return;
            }
            let wake_at = state.wake_at.map_or(until, |wake_at| wake_at.min(until));
            state.now = state.now.max(wake_at);
        }
    }

    /// Dies and is started again. What had been sent and not answered is lost.
    fn dies(&mut self) {
        self.gateway = None;
        self.state.borrow_mut().forget_gateway(|| false);
        self.gateway = Some(world::begin(&self.state));
    }

    fn say(&self, id: MessageId, body: Message) {
        let at = self.day.start;
        self.state.borrow_mut().journal.push(Ok(Envelope { id, at, body }));
    }

    /// One more order is approved, of one share in the opening auction.
    fn approve(&self, number: usize) {
        let symbol = self.day.opened.universe[0].symbol.clone();
        let order = Order {
            client_order_id: format!("au-{}-{symbol}-0-{number}", self.day.opened.session),
            symbol,
            side: Side::Buy,
            quantity: Shares(1),
            time_in_force: TimeInForce::Opg,
            leg: 0,
            reference: Price(1_000_000),
            limit: None,
        };
        let position = self.state.borrow().journal.len() as u64;
        self.say(MessageId::answer(ActorId::Risk, position, 0), Message::OrderApproved(order));
    }

    fn kill(&self, level: KillLevel) {
        let position = self.state.borrow().journal.len() + 1;
        let id = MessageId::event(ActorId::Control, position.to_string());
        self.say(id, Message::Kill(Trouble::kill(level)));
    }

    /// The market opens, and nobody tells the gateway but the trade stream.
    fn opens(&self) {
        let mut state = self.state.borrow_mut();
        state.exchange.advance(self.day.open);
        state.tell();
    }

    fn begins(&self, phase: Phase) {
        let id = MessageId::event(ActorId::Session, format!("{phase:?}"));
        self.say(id, Message::PhaseBegan(PhaseBegan { phase }));
    }

    fn said(&self, what: impl Fn(&Message) -> bool) -> usize {
        let state = self.state.borrow();
        let ours = state.entries().filter(|entry| entry.id.author == ActorId::Broker);
        ours.filter(|entry| what(&entry.body)).count()
    }

    fn marks(&self) -> Vec<Marked> {
        let marked = |entry: &Envelope| match &entry.body {
            Message::Marked(marked) => Some(marked.clone()),
            _ => None,
        };
        self.state.borrow().entries().filter_map(marked).collect()
    }

    /// What it is worth at the venue now.
    fn account(&self) -> Marked {
        let AccountReported { cash, positions, .. } = statement(&self.state.borrow().exchange);
        let equity = cash + positions.iter().map(Holding::value).sum();
        Marked { equity, prices: positions.into_iter().map(|it| (it.symbol, it.mark)).collect() }
    }

    fn fills(&self) -> usize {
        self.said(|message| matches!(message, Message::Filled(_)))
    }

    fn acknowledged(&self) -> usize {
        self.said(|message| matches!(message, Message::KillAcknowledged(_)))
    }

    fn ends(&self, wanted: OrderStatus) -> usize {
        self.said(|message| matches!(message, Message::OrderUpdated(it) if it.status == wanted))
    }

    fn asked(&self, what: impl Fn(&Request) -> bool) -> usize {
        self.log.iter().filter(|(_, request)| what(request)).count()
    }

    fn submits(&self) -> usize {
        self.asked(|request| matches!(request, Request::Submit(_)))
    }

    fn doing(&self) -> Option<String> {
        self.state.borrow().doing.clone()
    }
}

fn answers(_: &Request) -> Fate {
    Fate::Answered
}

fn fault(request: &Request, which: usize) -> AlpacaError {
    let name = format!("{request:?}");
    match which {
        0 => unavailable(&name, 429),
        1 => unavailable(&name, 503),
        _ => unreachable(&name),
    }
}

type Kind = (&'static str, fn(&Request) -> bool);

const QUESTIONS: [Kind; 7] = [
    ("the trade stream", |request| matches!(request, Request::Connect)),
    ("an order", |request| matches!(request, Request::Lookup(_))),
    ("fills", |request| matches!(request, Request::Fills)),
    ("activities", |request| matches!(request, Request::Booked)),
    ("the account", |request| matches!(request, Request::Account)),
    ("positions", |request| matches!(request, Request::Positions)),
    ("everything", |_| true),
];

/// An order is open at the venue, and the trade stream brings nothing of it any more.
fn with_an_order() -> Story {
    let mut story = Story::new();
    story.approve(0);
    story.pass(SECOND, &answers);
    assert_eq!((story.submits(), story.ends(OrderStatus::Accepted)), (1, 1));
    story.deaf = true;
    story
}

#[test]
fn a_venue_that_does_not_answer_is_waited_for_and_asked_again() {
    for (name, is_hit) in QUESTIONS {
        for error in 0..3 {
            let mut story = with_an_order();
            let fails = |request: &Request| {
                if is_hit(request) { Fate::Failed(fault(request, error)) } else { Fate::Answered }
            };
            story.opens();
            story.state.borrow_mut().line = None;
            story.pass(150 * SECOND, &fails);
            let at = format!("{name}, error {error}: {:?}", story.ended);
            assert!(story.ended.is_none(), "{at}");
            let asked = story.asked(is_hit);
            assert!((5..120).contains(&asked), "{at}: asked {asked} times");
            let doing = story.doing().unwrap_or_default();
            assert!(doing.contains("simulated"), "{at}: it says {doing:?}");
            story.approve(1);
            story.pass(SECOND, &fails);
            story.kill(KillLevel::Cancel);
            story.go_on(&fails);
            assert_eq!(story.acknowledged(), 1, "{at}");

            story.pass(20 * SECOND, &answers);
            assert!(story.ended.is_none() && story.doing().is_none(), "{at}: {:?}", story.doing());
            assert_eq!(story.fills(), 1, "{at}");
            assert_eq!(story.state.borrow().violations, Vec::<String>::new(), "{at}");
        }
    }
}

#[test]
fn a_kill_waits_for_no_answer() {
    for (name, is_hit) in QUESTIONS {
        let mut story = with_an_order();
        let hangs = |request: &Request| {
            let cancels = matches!(request, Request::Cancel(_));
            if is_hit(request) && !cancels { Fate::Hangs } else { Fate::Answered }
        };
        story.pass(150 * SECOND, &hangs);
        let before = story.state.borrow().now;
        story.kill(KillLevel::Cancel);
        story.go_on(&hangs);
        let cancels = story.asked(|request| matches!(request, Request::Cancel(_)));
        assert_eq!((story.acknowledged(), cancels), (1, 1), "{name}");
        assert_eq!(story.state.borrow().now, before, "{name}");
    }
}

#[test]
fn a_kill_is_acknowledged_while_an_order_is_on_its_way_and_takes_it_back() {
    let mut story = Story::new();
    story.approve(0);
    let hangs = |request: &Request| {
        if matches!(request, Request::Submit(_)) { Fate::Hangs } else { Fate::Answered }
    };
    story.pass(SECOND, &hangs);
    story.kill(KillLevel::Cancel);
    story.go_on(&hangs);
    assert_eq!(story.acknowledged(), 1);
    story.go_on(&answers);
    assert_eq!(story.asked(|request| matches!(request, Request::Cancel(_))), 1);
    assert_eq!(story.ends(OrderStatus::Canceled), 1);
}

#[test]
fn what_asking_again_does_not_mend_ends_the_gateway() {
    for status in [401, 403] {
        let mut story = with_an_order();
        let fails = |request: &Request| match request {
            Request::Booked => Fate::Failed(AlpacaError::Refused {
                request: "GET /v2/account/activities".to_owned(),
                status,
                code: None,
                message: "forbidden.".to_owned(),
            }),
            _ => Fate::Answered,
        };
        story.pass(90 * SECOND, &fails);
        let Some(Err(error)) = &story.ended else { panic!("it goes on") };
        assert!(error.to_string().contains("forbidden."), "{error}");
    }
}

/// An order that is filled beyond what the list of fills knows, and one that the venue accepted and does not know any more:
/// the gateway stays, asks again, sends nothing, and takes its orders back when told to.
#[test]
fn an_answer_that_can_not_stand_is_asked_for_again_and_a_kill_is_heeded_meanwhile() {
    let no_fills = |request: &Request| match request {
        Request::Fills => Fate::Says(Reply::Fills(Vec::new())),
        _ => Fate::Answered,
    };
    let no_order = |request: &Request| match request {
        Request::Lookup(_) => Fate::Says(Reply::Found(None)),
        _ => Fate::Answered,
    };
    let unclear: [(&str, Venue); 2] = [("MISSING_FILLS", &no_fills), ("ORDER_LOST", &no_order)];
    for (code, venue) in unclear {
        let mut story = with_an_order();
        story.opens();
        story.state.borrow_mut().line = None;
        story.pass(60 * SECOND, venue);
        assert!(story.ended.is_none(), "{code}: {:?}", story.ended);
        let doing = story.doing().unwrap_or_default();
        assert!(doing.contains(code), "it says {doing:?}");
        story.approve(1);
        story.pass(20 * SECOND, venue);
        assert_eq!((story.submits(), story.fills()), (1, 0), "{code}");
        story.kill(KillLevel::Cancel);
        story.go_on(venue);
        let cancels = story.asked(|request| matches!(request, Request::Cancel(_)));
        assert_eq!((story.acknowledged(), cancels), (1, 1), "{code}");
        story.pass(20 * SECOND, &answers);
        assert!(story.ended.is_none() && story.doing().is_none(), "{code}: {:?}", story.doing());
        assert_eq!((story.submits(), story.fills()), (1, 1), "{code}");
        assert_eq!(story.state.borrow().violations, Vec::<String>::new());
    }
}

/// Each minute, from the open to the close, where time flows; after an alarm too, for whoever closes positions.
#[test]
fn the_account_is_marked_in_the_open_market() {
    for flows in [true, false] {
        let mut story = Story::new();
        if let Ok(Envelope { body: Message::SessionOpened(opened), .. }) =
            &mut story.state.borrow_mut().journal[0]
        {
            opened.marked = flows;
        }
        story.approve(0);
        story.pass(130 * SECOND, &answers);
        story.opens();
        story.begins(Phase::Open);
        assert_eq!(story.marks(), [], "before the open");
        let mut wanted = Vec::new();
        for minute in 1..=4 {
            if minute == 3 {
                story.dies();
                let (code, detail) = ("RECONCILIATION".to_owned(), "A off -1".to_owned());
                let alarm = Message::Alarm(Alarm { code, detail, symbol: None });
                story.say(MessageId::event(ActorId::Broker, "reconciliation"), alarm);
            }
            let at = Time(story.day.open.0 + minute * 60_000_000_000);
            story.state.borrow_mut().exchange.advance(at);
            story.pass(60 * SECOND, &answers);
            wanted.push(story.account());
        }
        assert_eq!(story.fills(), 1);
        assert!(wanted[0].prices.len() == 1 && wanted[0] != wanted[3], "nothing moves: {wanted:?}");
        assert_eq!(story.marks(), if flows { &wanted[..] } else { &[] });
        story.begins(Phase::Close);
        story.pass(130 * SECOND, &answers);
        assert_eq!(story.marks().len(), if flows { 4 } else { 0 }, "after the close");
        assert_eq!(story.state.borrow().violations, Vec::<String>::new());
    }
}

#[test]
fn nothing_is_sent_before_the_venue_has_told_what_it_has() {
    let mut story = Story::new();
    story.approve(0);
    let hangs = |request: &Request| {
        if matches!(request, Request::Submit(_)) { Fate::Hangs } else { Fate::Answered }
    };
    story.pass(SECOND, &hangs);
    // It was sent, perhaps, when the gateway died.
    story.dies();
    let fails = |request: &Request| match request {
        Request::Lookup(_) | Request::Orders => Fate::Failed(unreachable("an order")),
        _ => Fate::Answered,
    };
    story.pass(30 * SECOND, &fails);
    assert!(story.ended.is_none(), "{:?}", story.ended);
    assert_eq!(story.submits(), 0);
    story.pass(20 * SECOND, &answers);
    assert_eq!((story.submits(), story.ends(OrderStatus::Accepted)), (1, 1));
}

#[test]
fn the_books_are_checked_each_minute_however_many_orders_wait() {
    let mut story = Story::new();
    story.takes = SECOND;
    let orders = 200;
    (0..orders).for_each(|number| story.approve(number));
    story.pass(400 * SECOND, &answers);
    assert_eq!(story.submits(), orders);
    let at = |what: fn(&Request) -> bool| {
        let hits = story.log.iter().filter(move |(_, request)| what(request));
        hits.map(|(at, _)| *at).collect::<Vec<_>>()
    };
    let last = at(|request| matches!(request, Request::Submit(_))).pop().expect("sent");
    assert!(last > 190 * SECOND);
    let mut before = Duration::ZERO;
    for check in at(|request| matches!(request, Request::Account)) {
        assert!(check.min(last) < before + 80 * SECOND, "no check from {before:?} to {check:?}");
        before = check.min(last);
    }
    assert!(last < before + 80 * SECOND, "no check from {before:?} on");
}

/// An order that is perhaps under way when a kill comes is given up; the venue has it after all, and fills it.
#[test]
fn a_late_fill_after_an_end_that_was_our_own_word_counts() {
    for (deaf, dies) in [(false, false), (true, false), (true, true)] {
        let mut story = Story::new();
        story.approve(0);
        let hangs = |request: &Request| {
            if matches!(request, Request::Submit(_)) { Fate::Hangs } else { Fate::Answered }
        };
        story.pass(SECOND, &hangs);
        let sent = story.state.borrow().flights.values().find_map(|flight| match &flight.request {
            Request::Submit(order) if !flight.landed => Some(order.clone()),
            _ => None,
        });
        let sent = sent.expect("on its way");
        story.kill(KillLevel::Halt);
        let fails = |request: &Request| match request {
            Request::Submit(_) => Fate::Failed(unreachable("an order")),
            _ => Fate::Answered,
        };
        story.pass(SECOND, &fails);
        assert_eq!((story.ends(OrderStatus::Canceled), story.fills()), (1, 0));

        story.deaf = deaf;
        story.state.borrow_mut().exchange.submit(&net::new_order(&sent)).expect("taken");
        story.opens();
        if dies {
            story.dies();
        }
        story.pass(40 * SECOND, &answers);
        assert_eq!(story.fills(), 1, "deaf {deaf}, dies {dies}");
        assert_eq!(story.state.borrow().violations, Vec::<String>::new());
    }
}

/// What operators said is stored, and the journal has no copy of it yet.
#[test]
fn a_gateway_that_starts_under_a_kill_sends_nothing_though_its_journal_does_not_know() {
    let mut story = Story::new();
    story.state.borrow_mut().control.push(Command::Kill(Trouble::kill(KillLevel::Halt)));
    story.approve(0);
    story.dies();
    story.pass(SECOND, &answers);
    assert_eq!((story.submits(), story.ends(OrderStatus::Canceled)), (0, 1));
}
