//! Questions asked with BIND's `dig`: a client that is not ours.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::programs;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The response code as `dig` writes it: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` …
    pub status: String,
    /// The header flags in lower case: `qr`, `aa`, `ad` …
    pub flags: Vec<String>,
    /// The records of the answer section in presentation format, fields separated by single spaces.
    pub answer: Vec<String>,
    /// The records of the authority section, likewise.
    pub authority: Vec<String>,
    /// The records of the additional section, likewise.
    pub additional: Vec<String>,
}

/// What a validating resolver makes of a name (RFC 4035, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answered, positively or negatively, with a complete chain of trust (`ad`).
    Secure,
    /// Answered without a chain of trust.
    Insecure,
    /// Refused because validation failed, or because no server answered.
    Failed,
}

impl Answer {
    /// The verdict, when this is the answer of a validating resolver.
    pub fn verdict(&self) -> Verdict {
        let answered = self.status == "NOERROR" || self.status == "NXDOMAIN";
        match (answered, self.has_flag("ad")) {
            (true, true) => Verdict::Secure,
            (true, false) => Verdict::Insecure,
            (false, _) => Verdict::Failed,
        }
    }

    /// Whether the header carries `flag`.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag)
    }

    /// The data of the records of that type in the answer section.
    pub fn data(&self, kind: &str) -> Vec<&str> {
        let fields = self
            .answer
            .iter()
            .map(|line| line.splitn(5, ' ').collect::<Vec<_>>());
        fields
            .filter(|fields| fields.get(3) == Some(&kind))
            .filter_map(|fields| fields.get(4).copied())
            .collect()
    }
}

/// Asks `server` for `name` and `kind`. `options` are those of `dig`, such as `+dnssec`, `+cd`, `+norec`.
///
/// One attempt of three seconds; no answer is an error.
pub async fn dig(server: SocketAddr, name: &str, kind: &str, options: &[&str]) -> Result<Answer> {
    let output = Command::new(programs::find("dig", "bind9-dnsutils")?)
        // -r: no settings of the user; -q and -t: a name that looks like an option or a type is a name.
        .args([
            "-r",
            &format!("@{}", server.ip()),
            "-p",
            &server.port().to_string(),
            "-q",
            name,
            "-t",
            kind,
        ])
        .args(["+tries=1", "+timeout=3", "+nostats", "+noquestion"])
        .args(options)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{server} gave no answer for {name} {kind}: {}",
        text.trim()
    );
    Ok(parse(&text))
}

fn parse(text: &str) -> Answer {
    let after = |prefix: &str, end: char| {
        let (_, rest) = text.split_once(prefix)?;
        Some(rest[..rest.find(end)?].trim().to_owned())
    };
    let section = |title: &str| {
        let lines = text.lines().skip_while(|line| *line != title).skip(1);
        lines
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    Answer {
        status: after("status:", ',').unwrap_or_default(),
        flags: after(";; flags:", ';')
            .unwrap_or_default()
            .split(' ')
            .map(str::to_owned)
            .collect(),
        answer: section(";; ANSWER SECTION:"),
        authority: section(";; AUTHORITY SECTION:"),
        additional: section(";; ADDITIONAL SECTION:"),
    }
}
