//! The store as an outsider sees it: read by the database's own program, not by ours.

use std::path::PathBuf;

use tokio::process::Command;

/// Separates columns; no text of ours contains it.
const UNIT: &str = "\x1f";

pub enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    /// What `store.url` is.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The rows of a query; NULL is an empty text. Columns must not hold line breaks.
    pub async fn rows<const N: usize>(&self, query: &str) -> Vec<[String; N]> {
        let mut command = match self {
            Self::Sqlite(path) => {
                let mut command = Command::new("sqlite3");
                command.args(["-readonly", "-batch", "-noheader", "-separator", UNIT]);
                command.args(["-cmd", ".timeout 5000"]).arg(path).arg(query);
                command
            }
            Self::Postgres(url) => {
                let mut command = Command::new("psql");
                command.args([
                    "--no-psqlrc",
                    "--tuples-only",
                    "--no-align",
                    "--field-separator",
                    UNIT,
                ]);
                command
                    .args(["--set=ON_ERROR_STOP=on", "--command", query])
                    .arg(url);
                command
            }
        };
        let output = command.output().await.expect("the database's program runs");
        assert!(
            output.status.success(),
            "{query}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("the store holds UTF-8");
        text.lines()
            .filter(|line| !line.is_empty())
            .map(|line| {
                let columns: Vec<String> = line.split(UNIT).map(str::to_owned).collect();
                <[String; N]>::try_from(columns).unwrap_or_else(|row| panic!("{query}: {row:?}"))
            })
            .collect()
    }
}
