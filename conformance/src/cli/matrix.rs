//! `conformance matrix`: what each vendor can, as a page of the documentation.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use pdm_registrar::{Descriptor, Support};

use crate::vendors::each;

/// Where to.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// The page to write; `-` prints it
    #[arg(long, default_value = "docs/capabilities.md", value_name = "FILE")]
    output: PathBuf,
    /// Write nothing; fail when the page is not what would be written
    #[arg(long)]
    check: bool,
}

/// Writes the page.
pub fn main(args: &MatrixArgs) -> Result<ExitCode> {
    let page = page(
        &each()
            .map(|vendor| (vendor.adapter)().descriptor())
            .collect::<Vec<_>>(),
    );
    let path = args.output.display();
    if args.output.as_os_str() == "-" {
        print!("{page}");
    } else if args.check {
        let there =
            std::fs::read_to_string(&args.output).with_context(|| format!("{path} cannot be read"))?;
        if there != page {
            eprintln!("{path} is not what the adapters say: run `conformance matrix`");
            return Ok(ExitCode::FAILURE);
        }
    } else {
        std::fs::write(&args.output, page).with_context(|| format!("{path} cannot be written"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(vendors: &[&Descriptor]) -> String {
    let mut text = "# What registrars can\n\n\
        Written by `conformance matrix` from what the adapters say of themselves; the suite holds them to it. Do not edit.\n\n"
        .to_owned();
    let mut row = |cells: Vec<String>| {
        let _written = writeln!(text, "| {} |", cells.join(" | "));
    };
    let names = vendors.iter().map(|vendor| vendor.display_name.to_owned());
    row([String::new()].into_iter().chain(names).collect());
    row(vec!["---".to_owned(); vendors.len() + 1]);
    let mut notes = Vec::new();
    let capabilities: Vec<_> = vendors
        .first()
        .map(|vendor| vendor.capabilities.each().to_vec())
        .unwrap_or_default();
    for (at, (capability, _)) in capabilities.into_iter().enumerate() {
        let cells = vendors.iter().map(|vendor| {
            let (word, because) = match vendor.capabilities.each()[at].1 {
                Support::Yes => return "yes".to_owned(),
                Support::Sometimes(because) => ("sometimes", because),
                Support::No(because) => ("no", because),
            };
            notes.push(format!(
                "{}, {}: {because}",
                vendor.display_name,
                spoken(capability)
            ));
            format!("{word} ({})", notes.len())
        });
        let cells: Vec<_> = cells.collect();
        row([spoken(capability)].into_iter().chain(cells).collect());
    }
    let mut more = |what: &str, cell: &dyn Fn(&Descriptor) -> String| {
        row([what.to_owned()]
            .into_iter()
            .chain(vendors.iter().map(|vendor| cell(vendor)))
            .collect());
    };
    more("name servers", &|is| {
        format!("{} to {}", is.nameservers.0, is.nameservers.1)
    });
    more("changes are done", &|is| {
        if is.asynchronous { "later" } else { "at once" }.to_owned()
    });
    more("a lost write may land within", &|is| {
        format!("{} s", is.settle.as_secs())
    });
    more("calls", &|is| {
        format!(
            "{} a minute, {} at a time",
            is.budget.per_minute, is.budget.in_flight
        )
    });
    more("list of allowed addresses", &|is| {
        if is.needs_allow_list.is_some() {
            "needed"
        } else {
            "no"
        }
        .to_owned()
    });
    more("sandbox", &|is| {
        if is.hosts.sandbox.is_empty() {
            "none"
        } else {
            "yes"
        }
        .to_owned()
    });
    text += "\n";
    for (at, note) in notes.iter().enumerate() {
        let _written = writeln!(text, "{}. {note}", at + 1);
    }
    text += "\n## Credentials\n";
    for is in vendors {
        let ways: Vec<_> = is
            .needs
            .iter()
            .map(|way| {
                way.iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(" and ")
            })
            .collect();
        let _written = write!(
            text,
            "\n**{}** (`{}`): {}. {}\n\n",
            is.display_name,
            is.id,
            ways.join(", or "),
            is.least_scope
        );
        for field in is.fields {
            let secret = if field.secret { ", secret" } else { "" };
            let _written = writeln!(
                text,
                "* `{}` ({}{secret}): {}",
                field.name, field.label, field.help
            );
        }
        if let Some(how) = is.needs_allow_list {
            let _written = writeln!(text, "* Allowed addresses: {how}");
        }
    }
    text
}

fn spoken(capability: &str) -> String {
    let words = capability.split('_').map(|word| match word {
        "nameservers" => "name servers",
        "ds" => "DS",
        "txt" => "TXT",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
