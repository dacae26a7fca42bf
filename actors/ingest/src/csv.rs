//! A CSV file as columns of text; and where it is none, why, in words for whoever wrote it.

use crate::foreign::Header;
use polars::prelude::*;
use std::collections::BTreeSet;
use std::io::Cursor;

/// All columns as text: a cell that is no number must be named, not guessed around.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<Header>, DataFrame), String> {
    if let Some(what) = other_kind(bytes) {
        return Err(what.to_owned());
    }
    let frame = parse(bytes).map_err(|said| complaint(bytes).unwrap_or(said))?;
    let names = frame.columns().iter().map(|column| column.name().to_string());
    let headers = names.map(|name| Header { name, unreadable: None }).collect();
    Ok((headers, frame))
}

fn parse(bytes: &[u8]) -> Result<DataFrame, String> {
    let options = CsvReadOptions::default().with_infer_schema_length(Some(0));
    each_once(options.clone(), bytes)?;
    let read = options.into_reader_with_file_handle(Cursor::new(bytes)).finish();
    let mut frame = read.map_err(|error| error.to_string())?;
    frame.rechunk_mut();
    Ok(frame)
}

/// The columns' names, which polars would tell apart by changing the second of two.
fn each_once(options: CsvReadOptions, bytes: &[u8]) -> Result<(), String> {
    let text = |error: PolarsError| error.to_string();
    let line = options.with_has_header(false).with_n_rows(Some(1));
    let line = line.into_reader_with_file_handle(Cursor::new(bytes)).finish().map_err(text)?;
    let mut names = BTreeSet::new();
    for column in line.columns() {
        let cell = column.str().map_err(text)?.get(0).unwrap_or_default();
        let name = cell.trim_start_matches('\u{feff}').trim();
        if !name.is_empty() && !names.insert(name) {
            return Err(format!("its header names the column {name:?} twice: delete one of them"));
        }
    }
    Ok(())
}

/// First bytes of files that are something else, and what to do about them.
const OTHERS: [(&[u8], &str); 5] = [
    (b"\x1f\x8b", "it is compressed (gzip): unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed (zstd): unpack it first"),
    (
        b"PK\x03\x04",
        "it is an archive (zip, or a spreadsheet): unpack it, or save it as CSV, first",
    ),
    (b"\xff\xfe", "it is UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "it is UTF-16: save it as UTF-8"),
];

fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(first, _)| bytes.starts_with(first)).map(|(_, what)| *what);
    let old = bytes.contains(&b'\r') && !bytes.contains(&b'\n');
    known.or(old.then_some("its lines end with CR alone: save it with LF or CRLF"))
}

/// What is wrong with a file that polars does not read, if it is one of the usual things.
fn complaint(bytes: &[u8]) -> Option<String> {
    if bytes.trim_ascii().is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        return Some(format!("line {line} is not UTF-8: save the file as UTF-8"));
    }
    uneven(bytes)
}

/// The first line that has more cells than the header, or a quote without an end.
fn uneven(bytes: &[u8]) -> Option<String> {
    let (mut line, mut begun, mut cells, mut quoted) = (1, 1, 1, false);
    let mut header = None;
    // A last line may lack its end.
    for byte in bytes.trim_ascii_end().iter().chain(b"\n") {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => cells += 1,
            b'\n' if !quoted => {
                let wanted = *header.get_or_insert(cells);
                if cells > wanted {
                    return Some(format!(
                        "line {begun} has {cells} cells and the header {wanted}: write numbers as 1000 or 10.5, put a \
                         text with a comma between quotes, delete a comment"
                    ));
                }
                (begun, cells) = (line + 1, 1);
            }
            _ => {}
        }
        line += usize::from(*byte == b'\n');
    }
    quoted.then(|| {
        format!("a quote that is opened in line {begun} is never closed: close or delete it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &[u8]) -> String {
        match read(text) {
            Ok(_) => panic!("{:?} was read", String::from_utf8_lossy(text)),
            Err(said) => said,
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_files_words() {
        let head = "symbol,date,close\nA,2024-01-02,11\n";
        for (row, expected) in [
            ("A,2024-01-03,1,000\n", "line 3 has 4 cells and the header 3: write numbers as 1000"),
            ("A,2024-01-03,10,5", "line 3 has 4 cells"),
            ("# a, comment, of, mine\n", "line 3 has 4 cells"),
            ("\"A\",\"2024-01-03\",\"1\n2\"\nA,2024-01-04,1,2\n", "line 5 has 4 cells"),
            (
                "A,2024-01-03,10\n\"A,2024-01-04,10\n",
                "a quote that is opened in line 4 is never closed",
            ),
        ] {
            let text = said(format!("{head}{row}").as_bytes());
            assert!(text.starts_with(expected), "{row}: {text}");
        }
        assert_eq!(said(b""), "it is empty");
        assert_eq!(said(b"\x1f\x8b\x08\x00\x00"), "it is compressed (gzip): unpack it first");
        let latin = [head.as_bytes(), b"M\xfcller,2024-01-03,1\n"].concat();
        assert_eq!(said(&latin), "line 3 is not UTF-8: save the file as UTF-8");
        let wide: Vec<u8> =
            "\u{feff}a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(said(&wide), "it is UTF-16: save it as UTF-8");
        let old = said(b"symbol,date,close\rA,2024-01-02,11\rA,2024-01-03,11\r");
        assert_eq!(old, "its lines end with CR alone: save it with LF or CRLF");
    }
}
