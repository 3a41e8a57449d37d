//! The ways to show progress: nothing, lines, a block that is drawn again in place, or JSON.

use std::io::{self, Write};

use jiff::Timestamp;

use super::follow::{Screen, Seen};
use super::model::Operation;
use super::text::{between, plain, span, time};
use super::view::{block, changes};

/// Shows nothing: for whoever only wants the end.
pub struct Quiet;

impl Screen for Quiet {
    fn show(&mut self, _: &Seen, _: Option<Timestamp>, _: Timestamp) -> io::Result<()> {
        Ok(())
    }
}

/// One line for each change: for a file or a pipe.
pub struct Lines<'a> {
    out: &'a mut dyn Write,
    name: &'a str,
    shown: Option<Operation>,
    away: bool,
}

impl<'a> Lines<'a> {
    /// Lines about the claim of this name.
    pub fn new(out: &'a mut dyn Write, name: &'a str) -> Self {
        Self {
            out,
            name,
            shown: None,
            away: false,
        }
    }
}

impl Screen for Lines<'_> {
    fn show(&mut self, seen: &Seen, away_since: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        for line in changes(self.name, self.shown.as_ref(), &seen.operation, now) {
            writeln!(self.out, "{line}")?;
        }
        if self.shown.as_ref() != Some(&seen.operation) {
            self.shown = Some(seen.operation.clone());
        }
        if std::mem::replace(&mut self.away, away_since.is_some()) != away_since.is_some() {
            let what = if self.away {
                "is not reachable; trying again"
            } else {
                "is reachable again"
            };
            writeln!(self.out, "{} the server {what}", time(now))?;
        }
        self.out.flush()
    }
}

/// The operation as the server writes it, a line each time it changed: for programs.
pub struct Json<'a> {
    out: &'a mut dyn Write,
    shown: String,
}

impl<'a> Json<'a> {
    /// Nothing shown yet.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            shown: String::new(),
        }
    }
}

impl Screen for Json<'_> {
    fn show(&mut self, seen: &Seen, _: Option<Timestamp>, _: Timestamp) -> io::Result<()> {
        let text = seen.text.trim_end();
        if self.shown != text {
            writeln!(self.out, "{text}")?;
            self.out.flush()?;
            self.shown = text.into();
        }
        Ok(())
    }
}

/// A block that is drawn again in place: for a terminal.
pub struct Live<'a> {
    out: &'a mut dyn Write,
    name: &'a str,
    /// Lines of the block on the screen.
    drawn: usize,
}

impl<'a> Live<'a> {
    /// A block about the claim of this name.
    pub fn new(out: &'a mut dyn Write, name: &'a str) -> Self {
        Self { out, name, drawn: 0 }
    }
}

impl Screen for Live<'_> {
    fn show(&mut self, seen: &Seen, away_since: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        let mut lines = block(self.name, &seen.operation, now);
        if let Some(since) = away_since {
            lines.push(plain(&format!(
                "  the server is not reachable for {}; trying again",
                span(between(since, now))
            )));
        }
        // Lines are cut at the edge (autowrap off), so that one line stays one row and the way back up is known.
        let up = if self.drawn == 0 {
            String::new()
        } else {
            format!("\x1b[{}A", self.drawn)
        };
        let frame = format!("{up}\r\x1b[J\x1b[?7l{}\n\x1b[?7h", lines.join("\n"));
        self.drawn = lines.len();
        // One write, so that a terminal never shows half a block.
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::samples::{operation, read};
    use super::*;
    use serde_json::{Value, json};

    fn seen(value: &Value) -> Seen {
        Seen {
            operation: read(value),
            text: value.to_string(),
        }
    }

    fn now() -> Timestamp {
        "2026-01-02T03:00:10Z".parse().unwrap()
    }

    fn running() -> Value {
        operation(
            "running",
            &json!([{"name": "create_zone", "state": "running", "attempts": 1}]),
        )
    }

    #[test]
    fn the_live_block_takes_its_own_place_and_leaves_wrapping_on() {
        let mut out = Vec::new();
        let mut live = Live::new(&mut out, "acme");
        live.show(&seen(&running()), None, now()).unwrap();
        live.show(&seen(&running()), Some(now()), now()).unwrap();
        live.show(&seen(&operation("succeeded", &json!([]))), None, now())
            .unwrap();
        let frames = String::from_utf8(out).unwrap();
        let drawn: Vec<&str> = frames.split_inclusive("\x1b[?7h").collect();
        assert_eq!(drawn.len(), 3);
        let rows: Vec<usize> = drawn.iter().map(|frame| frame.matches('\n').count()).collect();
        assert_eq!(rows, [3, 4, 1]);
        assert!(drawn[0].starts_with("\r\x1b[J\x1b[?7l"));
        assert!(drawn[1].starts_with("\x1b[3A\r\x1b[J") && drawn[1].contains("not reachable"));
        assert!(drawn[2].starts_with("\x1b[4A\r\x1b[J"));
    }

    #[test]
    fn lines_say_once_that_the_server_is_away_and_that_it_is_back() {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out, "acme");
        for away in [None, Some(now()), Some(now()), None, None] {
            lines.show(&seen(&running()), away, now()).unwrap();
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2026-01-02 03:00:10Z acme activate running\n\
             2026-01-02 03:00:10Z the server is not reachable; trying again\n\
             2026-01-02 03:00:10Z the server is reachable again\n"
        );
    }

    #[test]
    fn json_repeats_the_servers_own_text_at_every_change() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        let (first, second) = (running(), operation("succeeded", &json!([])));
        for value in [&first, &first, &second] {
            json.show(&seen(value), None, now()).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), format!("{first}\n{second}\n"));
    }
}
