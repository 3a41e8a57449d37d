//! What is measured, and how long.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use conformance::world::{Layout, Store};

use crate::load::Load;
use crate::part::Part;

/// Measures `pdm` against bare PowerDNS calls and against the system it replaces, on real servers of its own.
/// Prints tables in Markdown; progress goes to standard error.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// A few minutes in all: fewer rounds and names (the default)
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// More rounds and names, for numbers to publish
    #[arg(long)]
    full: bool,
    /// Only this part; repeat it for more than one
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Where PowerDNS and pdm keep their data
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreName,
    /// Whether the pools' zones and the names' zones are on one PowerDNS or on two
    #[arg(long, value_enum, default_value = "same")]
    layout: LayoutName,
    /// Write the tables to this file as well
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The pdm to measure; without it the one beside this program
    #[arg(long, env = "PDM_BIN", value_name = "FILE")]
    pdm: Option<PathBuf>,
    /// Where the servers keep their files meanwhile; without it the system's temporary folder
    #[arg(long, value_name = "FOLDER")]
    pub directory: Option<PathBuf>,
}

/// The databases, as they are named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreName {
    /// SQLite for both
    Sqlite,
    /// PostgreSQL for both, one cluster
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LayoutName {
    Same,
    Separate,
}

/// How much work a part does.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Turns of each contender.
    pub rounds: usize,
    /// After this time a turn starts no more names.
    pub turn: Duration,
    /// The same for the replaced system on a large pool, where a name takes seconds.
    pub slow_turn: Duration,
    /// Names of a turn, for each one in flight; between [`Self::least_names`] and three times that.
    names_per_place: usize,
    /// See [`Self::names_per_place`].
    least_names: usize,
    /// How long requests arrive at a fixed rate.
    pub open_loop: Duration,
}

impl Options {
    /// The parts to run, in order.
    pub fn parts(&self) -> Vec<Part> {
        Part::value_variants()
            .iter()
            .copied()
            .filter(|part| self.only.is_empty() || self.only.contains(part))
            .collect()
    }

    /// Whether more time is taken.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The amount of work.
    pub fn effort(&self) -> Effort {
        if self.full {
            Effort {
                rounds: 7,
                turn: Duration::from_secs(10),
                slow_turn: Duration::from_secs(10),
                names_per_place: 60,
                least_names: 300,
                open_loop: Duration::from_secs(30),
            }
        } else {
            Effort {
                rounds: 3,
                turn: Duration::from_secs(3),
                slow_turn: Duration::from_secs(3),
                names_per_place: 20,
                least_names: 150,
                open_loop: Duration::from_secs(10),
            }
        }
    }

    /// Where data is kept.
    pub fn store(&self) -> Store {
        match self.store {
            StoreName::Sqlite => Store::Sqlite,
            StoreName::Postgres => Store::Postgres,
        }
    }

    /// Which server has the pools' zones.
    pub fn layout(&self) -> Layout {
        match self.layout {
            LayoutName::Same => Layout::Same,
            LayoutName::Separate => Layout::Separate,
        }
    }

    /// The program to measure.
    pub fn pdm(&self) -> Result<PathBuf> {
        let path = match &self.pdm {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("pdm"),
        };
        let found = path
            .canonicalize()
            .with_context(|| format!("no pdm at {}", path.display()))?;
        ensure!(found.is_file(), "{} is not a program", found.display());
        Ok(found)
    }

    /// The command line that gives this run, for people.
    pub fn command(&self) -> String {
        let mut words = vec![
            "pdm-bench".to_owned(),
            if self.full { "--full" } else { "--quick" }.to_owned(),
        ];
        for part in &self.only {
            let name = part.to_possible_value().map(|value| value.get_name().to_owned());
            words.extend(["--only".to_owned(), name.unwrap_or_default()]);
        }
        if self.store == StoreName::Postgres {
            words.extend(["--store".to_owned(), "postgres".to_owned()]);
        }
        if self.layout == LayoutName::Separate {
            words.extend(["--layout".to_owned(), "separate".to_owned()]);
        }
        words.join(" ")
    }
}

impl Effort {
    /// A turn with so many names in flight.
    pub fn load(&self, in_flight: usize) -> Load {
        let requests = (self.names_per_place * in_flight).clamp(self.least_names, self.least_names * 3);
        Load {
            in_flight,
            requests,
            at_most: self.turn,
        }
    }
}
