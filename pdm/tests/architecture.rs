//! The direction of modules, as the documentation of the crate states it: a module uses those above it, never those
//! below.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Uses against the stated direction that stand today: who, and what of.
const AGAINST_THE_DIRECTION: [(&str, &str); 2] = [
    // The port `PoolZones` is stated where it is used, and implemented where PowerDNS is spoken.
    ("dns", "service"),
    // It takes its servers and settings from `operations::World`.
    ("verify", "operations"),
];

/// Modules that hold what everything may need: time as the database tells it, names of settings, and which registrars were
/// compiled in.
const BESIDE: [&str; 5] = ["adapters", "clock", "config", "telemetry", "world"];

/// What `domain` may build on.
const PURE: [&str; 10] = [
    "std",
    "serde",
    "thiserror",
    "uuid",
    "jiff",
    "pdm_registrar",
    "unicode_normalization",
    "unicode_security",
    "super",
    "self",
];

/// Ways out of a pure module that need no `use`.
const IMPURE: [&str; 10] = [
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "TcpStream",
    "UdpSocket",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The program text of a file: without comments and without its unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let program = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    program
        .lines()
        .map(|line| match line.trim_start() {
            comment if comment.starts_with("//") => "",
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn files_below(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            files_below(&entry.unwrap().path(), files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        files.push(path.to_owned());
    }
}

/// The program text of each module of the crate, file by file.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut modules = BTreeMap::new();
    for entry in std::fs::read_dir(source()).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut files = Vec::new();
        files_below(&path, &mut files);
        let files: Vec<_> = files
            .into_iter()
            .map(|file| (file.clone(), code(&file)))
            .collect();
        if !files.is_empty() && module != "lib" && module != "main" {
            modules.insert(module, files);
        }
    }
    modules
}

fn is_in_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name_at_the_start(text: &str) -> String {
    text.chars().take_while(|c| is_in_a_name(*c)).collect()
}

/// The modules of this crate that a text uses: by `use`, in braces or not, or by a path where it is needed.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, path) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(is_in_a_name) {
            continue;
        }
        let rest = &text[at + path.len()..];
        match rest.strip_prefix('{') {
            None => drop(used.insert(name_at_the_start(rest))),
            Some(list) => used.extend(first_names(list)),
        }
    }
    used
}

/// The first name of each item of a list of paths, up to the brace that ends the list.
fn first_names(list: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let (mut depth, mut is_first) = (0_u32, true);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                is_first = true;
            }
            c if is_first && is_in_a_name(c) => names.last_mut().expect("it is never empty").push(c),
            c if !c.is_whitespace() => is_first = false,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// How many `super` lead from the file to the crate itself.
fn depth(file: &Path) -> usize {
    let below = file.strip_prefix(source()).unwrap();
    below.components().count() - usize::from(file.ends_with("mod.rs"))
}

/// The modules in the order in which the documentation of the crate names them, from pure to dirty.
fn stated_order() -> Vec<String> {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    text.lines()
        .filter(|line| line.starts_with("//! * "))
        .flat_map(|line| line.match_indices("[`").map(|(at, _)| &line[at + 2..]))
        .map(|rest| rest.split('`').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_documentation_of_the_crate_places_every_module() {
    let stated: BTreeSet<String> = stated_order().into_iter().collect();
    let placed: BTreeSet<String> = stated.iter().cloned().chain(BESIDE.map(str::to_owned)).collect();
    let there: BTreeSet<String> = modules().into_keys().collect();
    assert_eq!(placed, there);
}

#[test]
fn lists_of_paths_are_read() {
    let text = "use crate::{telemetry, world::{self, World}};\nuse crate::dns::zones;\npdm_crate::no::x();";
    let used: Vec<_> = used_modules(text).into_iter().collect();
    assert_eq!(used, ["dns", "telemetry", "world"]);
    assert_eq!(depth(&source().join("dns/mod.rs")), 1);
    assert_eq!(depth(&source().join("dns/zones.rs")), 2);
}

/// Other modules are named from the crate on: that is what the other tests read.
#[test]
fn no_path_climbs_to_the_crate() {
    for files in modules().into_values() {
        for (file, text) in files {
            let climb = "super::".repeat(depth(&file));
            assert!(!text.contains(&climb), "{}", file.display());
        }
    }
}

#[test]
fn a_module_uses_only_those_above_it() {
    let order = stated_order();
    let place = |module: &str| order.iter().position(|stated| stated == module);
    let mut wrong = BTreeSet::new();
    for (module, files) in modules() {
        let Some(own) = place(&module) else { continue };
        for (file, text) in files {
            for used in used_modules(&text) {
                if place(&used).is_some_and(|place| place > own) {
                    wrong.insert((module.clone(), used.clone()));
                    println!("{} uses {used}", file.display());
                }
            }
        }
    }
    let known: BTreeSet<_> = AGAINST_THE_DIRECTION
        .map(|(module, used)| (module.to_owned(), used.to_owned()))
        .into();
    assert_eq!(
        wrong, known,
        "left: what is used against the direction; right: what is known to be"
    );
}

#[test]
fn modules_beside_the_order_stay_small_in_what_they_use() {
    let modules = modules();
    for (module, may_use) in [
        ("clock", &[][..]),
        ("config", &["adapters", "clock", "domain"]),
        ("adapters", &[]),
        ("telemetry", &["config"]),
    ] {
        for (file, text) in &modules[module] {
            for used in used_modules(text) {
                assert!(may_use.contains(&used.as_str()), "{} uses {used}", file.display());
            }
        }
    }
    // What is true and what is remembered does not depend on settings, nor on how everything is put together.
    for module in ["domain", "store", "propagation", "clock"] {
        for (file, text) in &modules[module] {
            let used = used_modules(text);
            for beside in ["config", "telemetry", "world"] {
                assert!(!used.contains(beside), "{} uses {beside}", file.display());
            }
        }
    }
}

#[test]
fn propagation_uses_nothing_else_of_this_crate() {
    for (file, text) in &modules()["propagation"] {
        let used = used_modules(text);
        assert!(
            used.iter().all(|used| used == "propagation"),
            "{}: {used:?}",
            file.display()
        );
    }
}

#[test]
fn the_domain_is_pure() {
    for (file, text) in &modules()["domain"] {
        // Lines of texts may begin with the word, too, but do not end like a statement.
        let is_code = |line: &&str| line.ends_with([';', '{']);
        for line in text.lines().map(str::trim).filter(is_code) {
            let Some(path) = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("use ") else {
                continue;
            };
            let root = name_at_the_start(path);
            // `use StepName as S` inside a function shortens what is in reach already.
            let is_type = root.starts_with(char::is_uppercase);
            assert!(
                is_type || root == "crate" || PURE.contains(&root.as_str()),
                "{}: {line}",
                file.display()
            );
        }
        for used in used_modules(text) {
            assert!(
                matches!(used.as_str(), "clock" | "domain"),
                "{} uses {used}",
                file.display()
            );
        }
        for word in IMPURE {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
        assert!(
            !text.contains("async fn") && !text.contains(".await"),
            "{} waits",
            file.display()
        );
    }
}

#[test]
fn statements_are_sent_by_the_store_alone() {
    for (module, files) in modules() {
        for (file, text) in files {
            assert!(
                module == "store" || !text.contains("sqlx"),
                "{} uses sqlx",
                file.display()
            );
        }
    }
}
