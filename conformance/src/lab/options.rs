//! How a lab is set up: by variables, so that `make run` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::world::{Layout, Store};

#[derive(Debug, Clone, Args)]
pub(super) struct Options {
    /// Where the databases are
    #[arg(long, global = true, env = "LAB_STORE", default_value = "sqlite")]
    pub(super) store: StoreName,
    /// Which PowerDNS has the pools' zones: another than the tenants' zones, or the same
    #[arg(long, global = true, env = "LAB_LAYOUT", default_value = "separate")]
    pub(super) layout: LayoutName,
    /// The limits per tenant: wide, so that tests are not slowed down, or those of production
    #[arg(long, global = true, env = "LAB_LIMITS", default_value = "wide")]
    pub(super) limits: Limits,
    /// 1: start from nothing instead of from where the last run ended
    #[arg(
        long,
        global = true,
        env = "LAB_RESET",
        default_value = "0",
        hide_possible_values = true
    )]
    pub(super) reset: Reset,
    /// Where the lab keeps its files
    #[arg(
        long,
        global = true,
        env = "LAB_DIR",
        default_value = ".run",
        value_name = "FOLDER"
    )]
    pub(super) directory: PathBuf,
    /// The port of all name servers and of the resolver
    #[arg(
        long,
        global = true,
        env = "LAB_DNS_PORT",
        default_value_t = 5300,
        value_name = "PORT"
    )]
    pub(super) dns_port: u16,
    /// The port of the control plane; 0 takes a free one
    #[arg(
        long,
        global = true,
        env = "LAB_PDM_PORT",
        default_value_t = 8053,
        value_name = "PORT"
    )]
    pub(super) pdm_port: u16,
    /// The `pdm` to run; without it the one beside this program
    #[arg(long, global = true, env = "PDM_BIN", value_name = "FILE")]
    pub(super) pdm: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreName {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LayoutName {
    Separate,
    Same,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Limits {
    Wide,
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Reset {
    #[value(name = "0", alias = "")]
    No,
    #[value(name = "1")]
    Yes,
}

impl Options {
    pub(super) fn store(&self) -> Store {
        match self.store {
            StoreName::Sqlite => Store::Sqlite,
            StoreName::Postgres => Store::Postgres,
        }
    }

    pub(super) fn layout(&self) -> Layout {
        match self.layout {
            LayoutName::Separate => Layout::Separate,
            LayoutName::Same => Layout::Same,
        }
    }

    /// The databases of this set-up. Another set-up has others: neither sees what the other left.
    pub(super) fn state_directory(&self) -> PathBuf {
        let layout = if self.layout == LayoutName::Same {
            "same"
        } else {
            "separate"
        };
        let store = if self.store == StoreName::Postgres {
            "postgres"
        } else {
            "sqlite"
        };
        self.directory.join("state").join(format!("{layout}-{store}"))
    }

    /// Where [`super::state_file`] writes.
    pub(super) fn state_file(&self) -> PathBuf {
        self.directory.join("lab.json")
    }

    /// What a lab in the background prints.
    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("lab.log")
    }
}
