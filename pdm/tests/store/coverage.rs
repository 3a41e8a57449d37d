//! Each method of the store is called by this suite, so that each of its statements has run on both databases.

use std::collections::BTreeSet;
use std::path::Path;

/// The text of every file of a folder of this crate, without comments.
fn texts(folder: &str) -> Vec<(String, String)> {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            (path.file_name().unwrap().to_str().unwrap().to_owned(), code)
        })
        .collect()
}

/// What follows each of `starts` at the beginning of a line, up to the end of the name.
fn names_after(code: &str, starts: &[&str]) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.lines()
        .filter_map(|line| {
            starts
                .iter()
                .find_map(|start| line.trim_start().strip_prefix(start))
        })
        .map(|rest| rest.chars().take_while(|c| is_name(*c)).collect())
        .collect()
}

fn missing(methods: &BTreeSet<String>, callers: &[&str]) -> Vec<String> {
    let suite: String = texts("tests/store")
        .into_iter()
        .flat_map(|(_, code)| code.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>())
        .collect();
    methods
        .iter()
        .filter(|method| {
            !callers.iter().any(|caller| {
                ["(", "::<"]
                    .iter()
                    .any(|after| suite.contains(&format!("{caller}{method}{after}")))
            })
        })
        .cloned()
        .collect()
}

#[test]
fn every_method_of_a_transaction_is_exercised() {
    let methods: BTreeSet<String> = texts("src/store")
        .iter()
        .filter(|(file, _)| file != "mod.rs")
        .flat_map(|(_, code)| names_after(code, &["pub async fn "]))
        .collect();
    assert!(methods.contains("take_name") && methods.len() > 60, "{methods:?}");
    let missing = missing(&methods, &["tx."]);
    assert!(missing.is_empty(), "not in tests/store: {missing:?}");
}

#[test]
fn every_method_of_the_store_is_exercised() {
    let (_, code) = texts("src/store")
        .into_iter()
        .find(|(file, _)| file == "mod.rs")
        .unwrap();
    let methods = names_after(&code, &["pub async fn ", "pub fn "]);
    assert!(methods.contains("open_for_reading"), "{methods:?}");
    let missing = missing(&methods, &["store.", "$store.", "Store::"]);
    assert!(missing.is_empty(), "not in tests/store: {missing:?}");
}
