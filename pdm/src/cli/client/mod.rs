//! The client side of `pdm`: commands that ask a running server over its API and print what it answers.
//!
//! * [`connection`], [`api`], [`problem`]: which server, how it is asked, what it refuses and what to do then.
//! * [`follow`], with [`events`] and [`sse`]: staying with work that goes on; [`screen`] and [`view`] show it.
//! * [`tokens`]: reservation tokens, remembered for the user.
//! * [`commands`]: one file per noun.
//!
//! With `--output json` standard output has what the server answered and nothing else; remarks and errors go to
//! standard error in both forms. A key or token is never part of an error.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use crate::cli::args::{ClientCommand, Global, Output};

pub mod api;
pub mod commands;
pub mod connection;
pub mod credentials;
pub mod events;
pub mod failure;
pub mod follow;
pub mod model;
pub mod problem;
pub mod screen;
pub mod sse;
pub mod table;
pub mod text;
pub mod tokens;
pub mod values;
pub mod view;

#[cfg(test)]
mod faults;

use api::{Answer, Api, Patience};
use connection::Connection;
use events::Pace;
use failure::Failure;
use tokens::TokenFile;

/// What every command works with.
pub struct Session {
    api: Api,
    pace: Pace,
    out: Box<dyn Write>,
    output: Output,
    /// Standard output is a terminal on which a block can be drawn again.
    live: bool,
    /// None when the environment names no place for them.
    tokens: Option<TokenFile>,
}

impl Session {
    fn open(global: &Global) -> Result<Self, Failure> {
        let connection = Connection::read(global, |name| std::env::var(name).ok())?;
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Ok(Self {
            api: Api::new(connection, Patience::default())?,
            pace: Pace::default(),
            out: Box::new(io::stdout()),
            output: global.output,
            live: global.output == Output::Table && io::stdout().is_terminal() && !dumb,
            tokens: TokenFile::locate(|name| std::env::var_os(name)),
        })
    }

    /// Prints the server's own text, or what `people` makes of it.
    fn print(
        &mut self,
        answer: &Answer,
        people: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let text = match self.output {
            Output::Json => answer.text.trim_end().to_owned(),
            Output::Table => people()?.trim_end().to_owned(),
        };
        if !text.is_empty() {
            writeln!(self.out, "{text}")?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Forgets the token of a claim that has ended; one that stays in the file does no harm.
    fn forget_token(&self, claim_id: &str) {
        if let Err(error) = self.tokens().and_then(|file| file.forget(claim_id)) {
            remark(&format!(
                "the reservation token of {claim_id} is still remembered: {error}"
            ));
        }
    }

    fn tokens(&self) -> Result<&TokenFile, tokens::Error> {
        self.tokens.as_ref().ok_or(tokens::Error::NoPlace)
    }
}

/// A remark for the user beside the answer.
fn remark(text: &str) {
    // Without standard error there is nobody to remark to.
    let _ = writeln!(io::stderr(), "{}", text::plain(text));
}

/// Completes when the user presses Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can interrupt then; the signal's own effect is all there is.
        std::future::pending::<()>().await;
    }
}

/// Runs one client command to its end and gives its exit status.
pub async fn run(global: &Global, command: ClientCommand) -> ExitCode {
    let outcome = match Session::open(global) {
        Ok(mut session) => commands::run(&mut session, command).await,
        Err(failure) => Err(failure),
    };
    let status = outcome.unwrap_or_else(|failure| {
        // Without standard error the exit status has to be enough.
        let _ = io::stderr().write_all(failure.report().as_bytes());
        failure.status()
    });
    ExitCode::from(status)
}
