//! The rules of ARCHITECTURE.md as tests: what may depend on what, who names what, how long things get.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Asked at run time: a target folder that two checkouts share keeps binaries of either.
fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    Path::new(&package).join("../..")
}

const LINES_MAX: usize = 600;
/// Crates whose cores are pure throughout: no clock, no thread, no socket, no async.
const PURE: [&str; 7] = [
    "messages",
    "actors/kernel",
    "actors/features",
    "actors/scoring",
    "actors/risk",
    "actors/execution",
    "actors/exchange",
];

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && name != "target"
            && name != "native"
            && name != "data"
        {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> BTreeMap<String, String> {
    let mut found = Vec::new();
    for folder in ["messages", "actors", "bin", "tests"] {
        files(&root().join(folder), ".rs", &mut found);
    }
    let relative = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("source");
        let name = path.strip_prefix(root()).expect("under the root").display().to_string();
        (name.trim_start_matches('/').to_owned(), text)
    };
    found.into_iter().map(relative).collect()
}

/// Lines of `sources` that hold one of `words` outside comments, in files that `concerned` picks.
fn offenders(words: &[&str], concerned: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| concerned(name)) {
        for (line, number) in text.lines().zip(1..) {
            let code = line.split("//").next().unwrap_or("");
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

fn manifest(package: &str) -> String {
    fs::read_to_string(root().join(package).join("Cargo.toml")).expect("manifest")
}

fn packages_that_name(dependency: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["messages", "actors", "bin"] {
        files(&root().join(folder), "Cargo.toml", &mut found);
    }
    let mut names: Vec<String> = found
        .iter()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("manifest");
            let normal = text.split("[dev-dependencies]").next().unwrap_or("").to_owned();
            normal.lines().any(|line| line.starts_with(&format!("{dependency} ")))
        })
        .map(|path| {
            let folder = path.parent().expect("folder");
            folder.file_name().expect("name").to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn heavy_libraries_are_named_by_one_crate_each() {
    assert_eq!(packages_that_name("async-nats"), ["shell"]);
    assert_eq!(packages_that_name("polars"), ["ingest"]);
    assert_eq!(packages_that_name("xgb"), ["trainer"]);
    assert_eq!(packages_that_name("actix"), ["shell"]);
    assert_eq!(packages_that_name("tokio-tungstenite"), ["alpaca", "venue"]);
}

#[test]
fn messages_depends_on_nothing_of_ours_and_pure_crates_on_nothing_that_waits() {
    let ours = ["kernel", "shell", "alpaca", "ingest", "features", "risk", "broker"];
    let text = manifest("messages");
    assert!(ours.iter().all(|name| !text.contains(&format!("\n{name} "))), "messages/Cargo.toml");
    for package in PURE.iter().filter(|package| !package.contains("src")) {
        let text = manifest(package);
        let normal = text.split("[dev-dependencies]").next().unwrap_or("");
        for banned in ["tokio", "futures", "async-nats", "reqwest", "actix", "polars", "shell"] {
            assert!(!normal.contains(&format!("\n{banned} ")), "{package} depends on {banned}");
        }
    }
}

#[test]
fn cores_have_no_clock_no_thread_no_chance_and_no_unordered_map() {
    let banned = [
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "thread::",
        "HashMap",
        "HashSet",
        "std::fs",
        "std::net",
        "std::env",
        "async fn",
        "rand::rng",
    ];
    let core = |name: &str| {
        let pure = PURE.iter().any(|folder| name.starts_with(folder));
        pure && !name.contains("/tests") && !name.contains("/examples/")
    };
    assert_eq!(offenders(&banned, core), Vec::<String>::new());
}

#[test]
fn subjects_are_written_down_in_one_file() {
    let elsewhere = |name: &str| {
        name != "messages/src/subject.rs" && !name.contains("tests/") && !name.contains("tests.rs")
    };
    let parts = [
        "\"aurora.{",
        "\"aurora.*",
        "\"aurora.paper",
        "deadletter.",
        ".control.{",
        ".control.kill",
        ".control.*",
    ];
    assert_eq!(offenders(&parts, elsewhere), Vec::<String>::new());
}

#[test]
fn nothing_is_left_undone() {
    let marks = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore")];
    let found = offenders(&marks, |_| true);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn every_crate_says_what_it_is() {
    let missing: Vec<String> = sources()
        .into_iter()
        .filter(|(name, _)| name.ends_with("src/lib.rs") || name.ends_with("src/main.rs"))
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

/// There: pairs of API keys in three hand-over documents. Alpaca's are 20 capitals and digits after PK, AK or CK, and a secret of 40
/// letters and digits.
#[test]
fn prior_art_12_no_key_is_in_any_file() {
    let mut paths = Vec::new();
    for folder in ["messages", "actors", "bin", "tests", "deploy"] {
        files(&root().join(folder), "", &mut paths);
    }
    paths.extend(
        ["README.md", "ARCHITECTURE.md", "BENCHMARKS.md", "CHANGELOG.md", "nats.conf"]
            .map(|name| root().join(name)),
    );
    let mut found = Vec::new();
    for path in paths {
        // What is no text (Parquet of the tests, packed corpora) is made by our own scripts.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        found.extend(
            words
                .filter(|word| is_key(word))
                .map(|word| format!("{}: {}…", path.display(), &word[..6])),
        );
    }
    assert_eq!(found, Vec::<String>::new());
    assert!(is_key(&format!("PK{}", "A1".repeat(9))) && is_key(&"aB3d".repeat(10)));
}

fn is_key(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let id = word.len() == 20
        && ["PK", "AK", "CK"].iter().any(|start| word.starts_with(start))
        && !has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit);
    let secret = word.len() == 40
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_digit);
    id || secret
}
