use super::*;
use messages::{
    AccountReported, ActorId, Booked, BookedKind, Date, Limits, Marked, MessageId, Resume, Shares,
    Time,
};

const DAY: Date = Date::constant(2024, 6, 10);

fn usd(dollars: i64) -> Usd {
    Usd(dollars * 1_000_000)
}

fn opened(equity: i64, peak: i64) -> Message {
    let limits = Limits::each(1.0);
    Message::SessionOpened(Box::new(SessionOpened {
        cash: usd(equity),
        equity: usd(equity),
        peak_equity: Some(usd(peak)),
        ..SessionOpened::new(Env::Paper, DAY, DAY, limits)
    }))
}

fn close(equity: i64) -> Message {
    let (cash, equity) = (usd(equity), usd(equity));
    Message::AccountReported(AccountReported { cash, equity, positions: Vec::new() })
}

fn transfer(dollars: i64, before_open: bool) -> Booked {
    Booked {
        activity: dollars.to_string(),
        date: DAY,
        kind: BookedKind::Transfer,
        symbol: None,
        amount: usd(dollars),
        shares: Shares(0),
        description: String::new(),
        before_open,
    }
}

fn after(bodies: &[Message]) -> Option<Usd> {
    let id = || MessageId::event(ActorId::Session, "x");
    let entry = |body: &Message| Envelope { id: id(), at: Time(1), body: body.clone() };
    peak(None, &bodies.iter().map(entry).collect::<Vec<_>>())
}

#[test]
fn a_peak_is_of_the_account_as_it_is_after_transfers() {
    assert_eq!(after(&[opened(900, 1_000), close(950)]), Some(usd(1_000)));
    assert_eq!(after(&[opened(900, 1_000), close(1_050)]), Some(usd(1_050)));
    // A drawdown of a tenth before the half of it is taken out, and after.
    let half = |before_open| Message::Booked(transfer(-450, before_open));
    assert_eq!(after(&[opened(900, 1_000), half(false), close(450)]), Some(usd(500)));
    assert_eq!(after(&[opened(900, 1_000), half(false)]), Some(usd(500)), "no account any more");
    assert_eq!(after(&[opened(900, 1_000), half(true), close(900)]), Some(usd(1_000)));
    let more = Message::Booked(transfer(900, false));
    assert_eq!(after(&[opened(900, 1_000), more, close(1_800)]), Some(usd(2_000)));
}

/// A resume in the open market begins with the account as it was last marked; marks make no peak by themselves.
#[test]
fn a_resume_starts_the_peak_anew_from_the_last_mark() {
    let mark = |dollars| Message::Marked(Marked { equity: usd(dollars), prices: Vec::new() });
    let resume = || Message::Resume(Resume { operator: "ada".into(), reason: "seen".into() });
    assert_eq!(after(&[opened(900, 1_000), mark(1_100), close(950)]), Some(usd(1_000)));
    assert_eq!(after(&[opened(900, 1_000), mark(800), resume(), close(790)]), Some(usd(800)));
}

#[test]
fn a_resume_starts_the_peak_anew_from_what_was_last_stated() {
    let resume = Message::Resume(Resume { operator: "ada".into(), reason: "seen".into() });
    let day = [opened(900, 1_000), resume.clone(), close(880)];
    assert_eq!(after(&day), Some(usd(900)));
    assert_eq!(after(&[opened(900, 1_000), close(880), resume]), Some(usd(880)));
}

#[test]
fn a_session_opens_with_the_peak_that_the_nights_transfers_leave() {
    let night =
        |dollars| Overnight { booked: vec![transfer(dollars, true)], ..Overnight::default() };
    let account = |equity, overnight| Account {
        equity: usd(equity),
        peak: Some(usd(1_000)),
        overnight,
        ..Account::default()
    };
    assert_eq!(peak_at_open(&account(950, None)), Some(usd(1_000)));
    assert_eq!(peak_at_open(&account(855, Some(night(-95)))), Some(usd(900)));
    assert_eq!(peak_at_open(&account(1_820, Some(night(910)))), Some(usd(2_000)));
    assert_eq!(peak_at_open(&account(1_200, Some(night(100)))), Some(usd(1_200)));
}
