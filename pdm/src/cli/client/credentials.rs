//! Credentials of a registrar's account: from a file, from standard input, or asked for. Never from arguments, which every process
//! of the machine may read.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::Failure;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What a registrar asks for.
#[derive(Debug, Deserialize)]
pub struct Field {
    /// Its name in requests.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// Whether it is hidden while it is typed.
    pub secret: bool,
    /// Where to find it.
    pub help: String,
}

/// Reads one JSON object from a file, or from standard input for `-`.
pub fn read(from: &str) -> Result<Value, Failure> {
    let mut text = String::new();
    let read = if from == "-" {
        io::stdin().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(from).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::Usage(format!("the credentials cannot be read from {from}: {error}")))?;
    // What the parser says of it may quote a secret.
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        _ => Err(Failure::Usage(format!("{from} does not hold one JSON object"))),
    }
}

/// Asks the person at the terminal for each field. An empty answer leaves a field out.
pub fn ask(fields: &[Field]) -> Result<Value, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is nobody to ask for credentials: give --credentials FILE, or - for standard input"
                .to_owned(),
        ));
    }
    let mut given = Map::new();
    for field in fields {
        eprintln!("{}: {}", field.label, field.help);
        let value = if field.secret {
            rpassword::prompt_password(format!("{} (not shown): ", field.name))?
        } else {
            eprint!("{}: ", field.name);
            io::stderr().flush()?;
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            line
        };
        let value = value.trim();
        if !value.is_empty() {
            given.insert(field.name.clone(), Value::String(value.to_owned()));
        }
    }
    Ok(Value::Object(given))
}
