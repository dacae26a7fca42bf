use super::escape;
use crate::book::Book;
use crate::format::{grouped, money};
use crate::ledger::LedgerEntry;
use crate::profit::{Profit, left_out, rows};
use messages::{Symbol, Usd};
use std::fmt::Write;

/// The table of profit by name, what fees and borrow are in it and what not, and the entries that are no fills.
pub(super) fn profit(book: &Book, total: &Profit) -> String {
    let mut html = String::from(
        r#"<section class="card wide"><h2>Profit by name</h2><div class="scroll"><table>
<tr><th>Symbol</th><th>Shares</th><th>Realised</th><th>Unrealised</th><th>Realised, FIFO</th><th>Unrealised, FIFO</th><th>Dividends</th><th>Paid</th><th>Net</th><th>Modelled fees</th><th>Modelled borrow</th><th>Net of modelled</th></tr>
"#,
    );
    html += &row("<b>All</b>", None, total);
    for name in rows(book) {
        html += &row(&escape(name.symbol.as_str()), Some(name.quantity), &name.profit);
    }
    let rounding = book.modelled.rounding();
    if rounding.0 != 0 {
        let none = Profit { modelled_fees: rounding, net_modelled: -rounding, ..Profit::default() };
        html += &row("<i>each day's fees rounded up to the cent</i>", None, &none);
    }
    html + "</table></div>" + &notes(book, total) + "</section>\n" + &entries(book)
}

fn row(name: &str, shares: Option<i64>, profit: &Profit) -> String {
    let shares = shares.map_or_else(String::new, |shares| {
        let sign = if shares < 0 { "-" } else { "" };
        format!("{sign}{}", grouped(shares.unsigned_abs()))
    });
    let amounts = [
        profit.realised,
        profit.unrealised,
        profit.realised_fifo,
        profit.unrealised_fifo,
        profit.dividends,
        profit.fees_paid + profit.borrow_paid,
        profit.net,
        profit.modelled_fees,
        profit.modelled_borrow,
        profit.net_modelled,
    ];
    let cells = amounts.iter().fold(String::new(), |mut cells, amount| {
        let _ = write!(cells, "<td>{}</td>", money(*amount));
        cells
    });
    format!("<tr><td>{name}</td><td>{shares}</td>{cells}</tr>\n")
}

fn notes(book: &Book, total: &Profit) -> String {
    let paid = if total.fees_paid + total.borrow_paid == Usd(0) {
        "The venue reported no fee and no borrow, so the account paid none."
    } else {
        "Paid is what the venue reported."
    };
    let mut notes = format!(
        "<p class=\"soft\">{paid} Modelled is what a real account would have been charged, by our dated table and a \
         borrow rate of {} % a year; it stands in for what was paid and is never added to it.</p>",
        costs::EASY_TO_BORROW * 100.0
    );
    for line in left_out(&book.modelled) {
        let _ = write!(notes, "<p class=\"soft\">{}</p>", escape(&line));
    }
    if !total.valued_at_cost.is_empty() {
        let names: Vec<&str> = total.valued_at_cost.iter().map(Symbol::as_str).collect();
        let _ = write!(
            notes,
            "<p>Held without a mark, so valued at cost: {}.</p>",
            escape(&names.join(", "))
        );
    }
    notes
}

fn entries(book: &Book) -> String {
    if book.ledger.entries().is_empty() {
        return String::new();
    }
    let mut rows = String::from(
        "<tr><th>Date</th><th>Kind</th><th>Symbol</th><th>Amount</th><th>Why</th></tr>\n",
    );
    for LedgerEntry { date, kind, symbol, amount, explanation } in book.ledger.entries() {
        let symbol = symbol.as_ref().map_or_else(String::new, |symbol| escape(symbol.as_str()));
        let _ = writeln!(
            rows,
            "<tr><td>{date}</td><td>{kind}</td><td>{symbol}</td><td>{}</td><td>{}</td></tr>",
            money(*amount),
            escape(explanation)
        );
    }
    format!(
        r#"<section class="card wide"><h2>Cash and shares that moved without a trade</h2><div class="scroll"><table>{rows}</table></div></section>
"#
    )
}
