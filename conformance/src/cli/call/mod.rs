//! `conformance call`: a workbench that opens one account through its adapter and does one thing.

mod answer;
mod verb;

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use pdm_registrar::{Account, Adapter, Credentials, Endpoint, Error, ReadOnly};
use serde_json::Value;

use crate::vendors::vendor;
use verb::Request;
pub use verb::Verb;

/// One thing to do.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// The vendor's id
    vendor: String,
    /// What to do
    verb: Verb,
    /// The domain; for hosted zones also the zone, unless --zone names another
    #[arg(long, value_name = "D")]
    domain: String,
    /// A file with one JSON object of the vendor's credential fields; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,
    /// `production`, `sandbox`, or the scheme and host of a stand-in
    #[arg(long, value_name = "WHERE")]
    endpoint: String,
    /// The hosted zone, when it is not the domain
    #[arg(long, value_name = "Z")]
    zone: Option<String>,
    /// A full name in the zone: what is delegated, or holds the TXT
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Name servers, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "HOSTS")]
    nameservers: Vec<String>,
    /// A DS, "TAG ALGORITHM TYPE DIGEST"; may be given again. `set-ds` without any removes all
    #[arg(long, value_name = "DS")]
    ds: Vec<String>,
    /// A key that a DS was made from, "257 3 13 KEY"; may be given again
    #[arg(long, value_name = "KEY")]
    dnskey: Vec<String>,
    /// The TXT value
    #[arg(long, value_name = "V")]
    value: Option<String>,
    /// A file with what `snapshot` printed as `ok`
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The task of a change that was accepted
    #[arg(long, value_name = "T")]
    task: Option<String>,
    /// Write; without it a write only says what it would do
    #[arg(long)]
    apply: bool,
    /// How to print
    #[arg(long, default_value = "json")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    /// `{"ok": …}` or `{"error": …}`
    Json,
    /// Lines for people
    Table,
}

/// Does it. 0 when it was done, 1 with an error, 2 when the command line is wrong.
pub async fn main(args: CallArgs) -> ExitCode {
    let (request, adapter, credentials) = match read(&args) {
        Ok(read) => read,
        Err(usage) => {
            eprintln!("{usage:#}");
            return ExitCode::from(2);
        }
    };
    let answer = call(&args, &request, &*adapter, &credentials).await;
    match args.output {
        Output::Json => println!("{}", answer::json(&answer)),
        Output::Table => print!("{}", answer::table(&answer)),
    }
    if answer.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the command line and its files say, before anything is opened.
fn read(args: &CallArgs) -> Result<(Request, Arc<dyn Adapter>, Vec<u8>)> {
    let adapter = (vendor(&args.vendor)
        .with_context(|| format!("`{}` is no vendor", args.vendor))?
        .adapter)();
    Endpoint::parse(&args.endpoint).context("--endpoint")?;
    let request = Request::read(args)?;
    let credentials = if args.credentials.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut text)
            .context("standard input cannot be read")?;
        text
    } else {
        std::fs::read(&args.credentials)
            .with_context(|| format!("{} cannot be read", args.credentials.display()))?
    };
    Ok((request, adapter, credentials))
}

async fn call(
    args: &CallArgs,
    request: &Request,
    adapter: &dyn Adapter,
    text: &[u8],
) -> Result<Value, Error> {
    let request = request.checked()?;
    let endpoint = Endpoint::parse(&args.endpoint)?;
    let credentials = Credentials::from_json(adapter.descriptor(), text)?;
    let account = adapter.open(&endpoint, &credentials)?;
    let account: Box<dyn Account> = if args.apply {
        account
    } else {
        Box::new(ReadOnly::new(account))
    };
    request.run(&*account, args.apply).await
}
