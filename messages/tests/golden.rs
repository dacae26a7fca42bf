//! The bytes of every message, fixed: `golden.txt` holds a line per type, `type hex`. A Python test
//! decodes the same file with the `msgpack` package alone (tests/python/test_messages.py).
//! After a deliberate change: `UPDATE_GOLDEN=1 cargo nextest run -p messages`, and a new version in the
//! type's name unless the change is a new optional field.

use messages::*;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Asked at run time: a target folder that two checkouts share keeps binaries of either.
fn golden_file() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    Path::new(&package).join("tests/golden.txt")
}

fn date(text: &str) -> Date {
    text.parse().expect("date")
}

fn order() -> Order {
    Order {
        client_order_id: "au-20240103-BRK.B-0-0".into(),
        symbol: "BRK.B".into(),
        side: Side::Sell,
        quantity: Shares(120),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: Price(400_500_000),
        limit: None,
    }
}

fn holding() -> Holding {
    Holding {
        symbol: "BRK.B".into(),
        quantity: Shares(-120),
        average: Price(400_460_000),
        mark: Price(401_000_000),
        rounding: Usd(0),
    }
}

fn exposures() -> PortfolioExposures {
    PortfolioExposures {
        gross: 1.0,
        net: -0.001,
        beta: Some(0.002),
        sectors: vec![SectorNet { sector: "Financials".into(), net: -0.01 }],
        name_largest: 0.03,
    }
}

fn opened() -> SessionOpened {
    SessionOpened {
        env: Env::Paper,
        run_id: "demo-42".into(),
        source: "synthetic market, seed 42".into(),
        session: date("2024-01-03"),
        signal_session: date("2024-01-02"),
        universe: vec![Member { symbol: "BRK.B".into(), sector: "Financials".into() }],
        sectors_sha256: "ab".into(),
        sectors_as_of: date("2023-12-29"),
        limits: Limits {
            gross: 1.0,
            gross_max: 1.5,
            name_max: 0.03,
            net_max: 0.01,
            beta_max: 0.01,
            sector_net_max: 0.03,
            adv_share_max: 0.02,
            order_max: 0.05,
        },
        config_sha256: "cd".into(),
        whitelist_sha256: "ef".into(),
        model: Some(ModelRef { id: "xgb-20231229-01234567".into(), sha256: "01".into() }),
        history: HistoryRef { through: date("2023-12-29"), sessions: 400, sha256: "23".into() },
        positions: vec![holding()],
        cash: Usd(1_000_000_000_000),
        equity: Usd(999_999_990_000),
        halted: None,
        rules: Some(RiskRules {
            risk_aversion: 5.0,
            turnover_max: 0.5,
            restricted: vec!["GME".into()],
            shorts: true,
            not_shortable: vec!["AMC".into()],
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
        }),
        edge: Some(Edge { oof_ic: 0.021, horizon: 5 }),
        peak_equity: Some(Usd(1_000_000_000_000)),
        overnight: None,
        execution: None,
        scored: None,
        listed: Vec::new(),
        marked: false,
    }
}

fn bars() -> Bars {
    let mut bars = Bars::empty(date("2024-01-02"));
    bars.push("AAPL".into(), [187.15, 188.44, 183.885, 185.64, 82_488_700.0, 185.64]);
    bars.push("BRK.B".into(), [357.0, 363.2, 356.9, 362.46, 3_000_000.0, 362.46]);
    bars
}

fn features() -> Features {
    let column = || F64s(vec![1.25]);
    Features {
        session: date("2024-01-02"),
        symbols: vec!["BRK.B".into()],
        names: vec!["ret_1".into(), "ret_5".into()],
        whitelist_sha256: "ef".into(),
        values: F32s(vec![0.5, f32::NAN]),
        raw: F64s(vec![0.01, f64::NAN]),
        eligible: vec![true],
        exposures: Exposures {
            beta: column(),
            sigma_daily: column(),
            idio_daily: column(),
            adv: column(),
            close: column(),
            factors: Some(FactorCovariance {
                sectors: vec!["Financials".into()],
                covariance: F64s(vec![1e-4, 1e-5, 1e-5, 2e-5]),
                shrinkage: 0.1,
                sessions: 252,
            }),
        },
        guards: vec![("dispersion".into(), 2)],
    }
}

fn scores() -> Scores {
    Scores {
        session: date("2024-01-02"),
        symbols: vec!["AAPL".into(), "BRK.B".into()],
        scores: F32s(vec![0.25, -0.125]),
        model_id: "xgb-20231229-01234567".into(),
        model_sha256: "01".into(),
        whitelist_sha256: "ef".into(),
        names: vec!["ret_1".into(), "bias".into()],
        contributions: F32s(vec![0.2, 0.05, -0.175, 0.05]),
        undecided: Vec::new(),
    }
}

fn day() -> DayReported {
    DayReported {
        session: date("2024-01-03"),
        nav_open: Usd(10_000_000_000_000),
        nav_close: Usd(10_001_000_000_000),
        cash: Usd(9_000_000_000_000),
        daily_return: 0.0001,
        traded: Usd(48_055_200_000),
        slippage: Usd(1_000_000),
        exposures: exposures(),
        expected: 130,
        covered: 130,
        orders: 1,
        fills: 1,
        rejects: 0,
        denied: 0,
        positions: vec![holding()],
    }
}

#[expect(clippy::too_many_lines, reason = "one literal per type")]
fn samples() -> Vec<Message> {
    let targets = Targets {
        signal_session: date("2024-01-02"),
        nav: Usd(10_000_000_000_000),
        targets: vec![Target {
            symbol: "BRK.B".into(),
            weight: -0.0048,
            quantity: Shares(-120),
            held: Shares(0),
            mark: Price(400_500_000),
            cost_bp: 6.05,
        }],
        exposures: exposures(),
        theta: 1.0,
        binding: vec!["ADV BRK.B 120000".into()],
    };
    let filled = Filled {
        client_order_id: order().client_order_id,
        symbol: "BRK.B".into(),
        side: Side::Sell,
        quantity: Shares(120),
        price: Price(400_460_000),
        cumulative: Shares(120),
        complete: true,
        rounding: Usd(0),
    };
    let updated = OrderUpdated {
        client_order_id: order().client_order_id,
        symbol: "BRK.B".into(),
        venue_order_id: "61e69015-8549-4bfd-b9c3-01e75843f47d".into(),
        status: OrderStatus::Rejected,
        reason: Some("insufficient buying power".into()),
    };
    let reason = DenyReason::OrderTooLarge { notional: Usd(48_060_000_000), limit: Usd(1) };
    vec![
        Message::SessionOpened(Box::new(opened())),
        Message::PhaseBegan(PhaseBegan { phase: Phase::Open }),
        Message::Tick(Tick { minute: 31 }),
        Message::SessionClosed(SessionClosed { outcome: Outcome::Traded }),
        Message::Bars(bars()),
        Message::CoverageFailed(CoverageFailed {
            session: date("2024-01-02"),
            expected: 130,
            got: 129,
            missing: vec!["BRK.B".into()],
            unusable: vec![],
        }),
        Message::Features(features()),
        Message::Scores(scores()),
        Message::ScoresWithheld(ScoresWithheld {
            session: date("2024-01-02"),
            reason: "FLAT sd=1e-9 median=2e-3".into(),
        }),
        Message::ModelPublished(ModelPublished {
            model: ModelRef { id: "xgb-20231229-01234567".into(), sha256: "01".into() },
            whitelist_sha256: "ef".into(),
            oof_ic: 0.012,
            oof_ic_t: 1.1,
            oof_sessions: 252,
            label: "edge not established".into(),
        }),
        Message::Targets(targets),
        Message::SubmitOrder(order()),
        Message::OrderApproved(order()),
        Message::OrderDenied(OrderDenied { order: order(), reason }),
        Message::OrdersWorking(OrdersWorking { working: 1, refused: 0 }),
        Message::OrdersDone(OrdersDone { orders: 1, filled: 1, ..OrdersDone::default() }),
        Message::OrderUpdated(updated),
        Message::Filled(filled),
        Message::AccountReported(AccountReported {
            cash: Usd(9_000_000_000_000),
            equity: Usd(10_001_000_000_000),
            positions: vec![holding()],
        }),
        Message::Marked(Marked {
            equity: Usd(10_000_500_000_000),
            prices: vec![("BRK.B".into(), Price(399_870_000))],
        }),
        Message::Booked(Booked {
            activity: "20240102000000000::fee".into(),
            date: date("2024-01-02"),
            kind: BookedKind::Fee,
            symbol: None,
            amount: Usd(-120_000),
            description: "TAF fee for proceed of 700 shares".into(),
            shares: Shares(0),
            before_open: true,
        }),
        Message::DayReported(day()),
        Message::Kill(Kill {
            level: KillLevel::Halt,
            reason: "drill".into(),
            operator: "ada".into(),
        }),
        Message::Resume(Resume { operator: "ada".into(), reason: "drill over".into() }),
        Message::Adopted(messages::Adopted {
            operator: "ada".into(),
            reason: "moved by hand".into(),
            through: Some(date("2024-01-02")),
            statement: AccountReported {
                cash: Usd(1_000_000),
                equity: Usd(2_000_000),
                positions: vec![holding()],
            },
            activities: vec!["20240102000000000::fee".into()],
            differences: vec!["cash ours 2.00 venue 1.00 off 1.00".into()],
        }),
        Message::KillAcknowledged(KillAcknowledged { position: 7, level: KillLevel::Halt }),
        Message::Alarm(Alarm { code: "UNDECODABLE".into(), detail: "x".into(), symbol: None }),
        Message::ActorStarted(ActorStarted {
            instance: "i".into(),
            host: "h".into(),
            pid: 1,
            version: "0.1.0".into(),
        }),
    ]
}

fn envelope(body: Message) -> Envelope {
    let author = body.topic().author().unwrap_or(ActorId::Risk);
    Envelope { id: MessageId::answer(author, 4711, 0), at: Time(1_704_286_800_000_000_000), body }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String");
        text
    })
}

#[test]
fn the_bytes_of_every_type_are_golden() {
    let lines: Vec<String> = samples()
        .into_iter()
        .map(|body| format!("{} {}", body.topic().wire_type(), hex(&envelope(body).encode())))
        .collect();
    let now = lines.join("\n") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden_file(), &now).expect("golden.txt is writable");
    }
    let golden = std::fs::read_to_string(golden_file()).expect("golden.txt");
    let by_type = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(kind, bytes)| (kind.to_owned(), bytes.to_owned())).collect()
    };
    let (now, golden) = (by_type(&now), by_type(&golden));
    assert_eq!(now.len(), Topic::ALL.len(), "a sample for every type");
    for (kind, bytes) in &now {
        assert_eq!(Some(bytes), golden.get(kind), "{kind}");
    }
}

#[test]
fn every_message_survives_the_wire() {
    for body in samples() {
        let sent = envelope(body);
        let got =
            Envelope::decode(&sent.encode()).unwrap_or_else(|error| panic!("{sent}: {error}"));
        assert_eq!(got, sent);
        assert_eq!(got.encode(), sent.encode(), "{sent}");
    }
}

#[test]
fn a_journal_in_a_file_is_envelopes_one_after_the_other() {
    let sent: Vec<Envelope> = samples().into_iter().map(envelope).collect();
    let file: Vec<u8> = sent.iter().flat_map(Envelope::encode).collect();
    assert_eq!(Envelope::decode_all(&file).expect("sound"), sent);
    assert!(Envelope::decode_all(&file[..file.len() - 1]).is_err(), "cut off");
}

#[test]
fn a_newer_senders_optional_field_is_no_obstacle() {
    let mut bytes = Vec::new();
    let value = serde_json::json!({
        "id": "session-1-0", "at": 5, "type": "phase.v1", "traced": true,
        "body": { "phase": "open", "note": "a field of tomorrow" },
    });
    bytes.extend(rmp_serde::to_vec_named(&value).expect("plain"));
    let got = Envelope::decode(&bytes).expect("decodes");
    assert_eq!(got.body, Message::PhaseBegan(PhaseBegan { phase: Phase::Open }));
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let good = envelope(Message::Bars(bars())).encode();
    let mut unequal = bars();
    unequal.open.pop();
    let unknown = rmp_serde::to_vec_named(&serde_json::json!({
        "id": "risk-1-0", "at": 0, "type": "bars.v9", "body": {}
    }))
    .expect("plain");
    let cases: [(&str, Vec<u8>); 6] = [
        ("NOT_AN_ENVELOPE", Vec::new()),
        ("NOT_AN_ENVELOPE", b"hello".to_vec()),
        ("NOT_AN_ENVELOPE", good[..good.len() - 9].to_vec()),
        ("TRAILING_BYTES", [good.clone(), vec![0]].concat()),
        ("UNKNOWN_TYPE: bars.v9", unknown),
        ("MALFORMED", envelope(Message::Bars(unequal)).encode()),
    ];
    for (code, bytes) in cases {
        let reason = Envelope::decode(&bytes).expect_err(code).to_string();
        assert!(reason.starts_with(code), "{reason}, expected {code}");
    }
    let mut huge = bars();
    huge.open.resize(MAX_BYTES / 8 + 1, 0.0);
    let huge = envelope(Message::Bars(huge)).encode();
    assert!(matches!(Envelope::decode(&huge), Err(DecodeError::TooLarge(_))));
}

#[test]
fn values_that_can_not_be_are_refused() {
    let filled = |price: i64, quantity: i64| Filled {
        client_order_id: order().client_order_id,
        symbol: "BRK.B".into(),
        side: Side::Buy,
        quantity: Shares(quantity),
        price: Price(price),
        cumulative: Shares(quantity),
        complete: true,
        rounding: Usd(0),
    };
    let held =
        |mark, quantity| Holding { mark: Price(mark), quantity: Shares(quantity), ..holding() };
    let account =
        |holding| AccountReported { cash: Usd(0), equity: Usd(0), positions: vec![holding] };
    let opened = |holding| SessionOpened { positions: vec![holding], ..opened() };
    let fits = |body: Message| Envelope::decode(&envelope(body).encode()).is_ok();
    let both = |mark, quantity| {
        let opened = fits(Message::SessionOpened(Box::new(opened(held(mark, quantity)))));
        let account = fits(Message::AccountReported(account(held(mark, quantity))));
        assert_eq!(opened, account, "{mark} {quantity}");
        opened
    };
    let (mark, most) = (1_000_000, 1_000_000_000_000);
    assert!(fits(Message::Filled(filled(mark, most))), "a trillion dollars");
    assert!(!fits(Message::Filled(filled(mark, most + 1))));
    assert!(!fits(Message::Filled(filled(i64::MAX, i64::MAX))));
    assert!(both(mark, most) && both(mark, -most) && both(i64::MAX, 0));
    assert!(!both(mark, most + 1) && !both(mark, -most - 1) && !both(i64::MAX, i64::MIN));
}

#[test]
fn ids_and_subjects_go_both_ways() {
    for text in ["risk-4711-0", "broker:fill.au-20240103-BRK.B-0-0.120", "session:opened"] {
        assert_eq!(text.parse::<MessageId>().expect(text).to_string(), text);
    }
    for wrong in ["risk", "risk-1", "risk-x-0", "nobody-1-0", "risk-1-0-0", ""] {
        assert!(wrong.parse::<MessageId>().is_err(), "{wrong}");
    }
    let subjects = Subjects(Env::Paper);
    let submit = envelope(Message::SubmitOrder(order()));
    assert_eq!(subjects.of(&submit), "aurora.paper.execution.submit_order.BRK%2EB");
    assert_eq!(subjects.of(&envelope(Message::Bars(bars()))), "aurora.paper.ingest.bars");
}

#[test]
fn a_kill_is_understood_in_any_form() {
    let wanted = Kill { level: KillLevel::Flatten, reason: "smoke".into(), operator: "ada".into() };
    let enveloped = Envelope {
        id: MessageId::event(ActorId::Control, "1"),
        at: Time(0),
        body: Message::Kill(wanted.clone()),
    };
    let json = br#"{"level":"flatten","reason":"smoke","operator":"ada"}"#;
    let map = rmp_serde::to_vec_named(&wanted).expect("plain");
    for bytes in [enveloped.encode(), json.to_vec(), map] {
        assert_eq!(Kill::from_bytes(&bytes), wanted);
    }
    let shouted = Kill::from_bytes(b"STOP!");
    assert_eq!((shouted.level, shouted.reason.as_str()), (KillLevel::Halt, "STOP!"));
    assert_eq!(Kill::from_bytes(b"").level, KillLevel::Halt);
    assert_eq!(Resume::from_bytes(b"go on"), None);
    assert_eq!(Resume::from_bytes(br#"{"operator":"ada","reason":" "}"#), None);
    assert!(Resume::from_bytes(br#"{"operator":"ada","reason":"drill over"}"#).is_some());
}

proptest::proptest! {
    #[test]
    fn any_symbol_is_one_token_and_comes_back(text in "\\PC{1,12}") {
        let token = escape_token(&text);
        proptest::prop_assert!(!token.contains(['.', '*', '>', ' ']));
        proptest::prop_assert_eq!(unescape_token(&token), Some(text));
    }

    #[test]
    fn no_bytes_crash_the_decoder(bytes in proptest::collection::vec(0_u8.., 0..200)) {
        let _ = Envelope::decode(&bytes);
        let _ = Kill::from_bytes(&bytes);
    }

    #[test]
    fn a_flipped_byte_never_crashes_and_never_makes_rows_disagree(at in 0_usize..400, with in 1_u8..) {
        let mut bytes = envelope(Message::Bars(bars())).encode();
        let index = at % bytes.len();
        bytes[index] ^= with;
        if let Ok(Envelope { body: Message::Bars(bars), .. }) = Envelope::decode(&bytes) {
            proptest::prop_assert!(bars.is_well_formed());
        }
    }

    #[test]
    fn amounts_print_and_parse_exactly(micros in -9_000_000_000_000_000_i64..9_000_000_000_000_000) {
        let text = Usd(micros).to_string();
        proptest::prop_assert_eq!(text.parse::<Usd>(), Ok(Usd(micros)));
    }
}
