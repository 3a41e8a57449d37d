//! Aligned text for people.

use std::fmt;

use super::text::plain;

/// Rows below a header, each column as wide as its widest cell.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this header and no rows.
    pub fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|h| h.to_uppercase()).collect()],
        }
    }

    /// Adds a row.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows
            .push(cells.into_iter().map(|c| cell(c.as_ref())).collect());
    }

    /// Whether there is nothing below the header.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        aligned(f, &self.rows)
    }
}

/// What one thing consists of: a name and a value a line. What has no value is left out.
#[derive(Default)]
pub struct Facts {
    rows: Vec<Vec<String>>,
}

impl Facts {
    /// Adds a line, unless `value` is empty.
    pub fn add(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        if !value.as_ref().is_empty() {
            self.rows.push(vec![name.into(), plain(value.as_ref())]);
        }
        self
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        aligned(f, &self.rows)
    }
}

/// An empty cell would let the eye slip into the next column.
fn cell(text: &str) -> String {
    if text.is_empty() { "-".into() } else { plain(text) }
}

fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let mut table = Table::new(&["name", "state", "expires"]);
        table.row(["acme.omani.works", "active", ""]);
        table.row(["é.works", "reserved", "soon"]);
        assert_eq!(
            table.to_string(),
            "NAME              STATE     EXPIRES\n\
             acme.omani.works  active    -\n\
             é.works           reserved  soon\n"
        );
    }

    #[test]
    fn a_cell_stays_on_its_line_and_cannot_steer_the_terminal() {
        let mut table = Table::new(&["value"]);
        table.row(["one\ntwo\u{1b}[31m"]);
        assert_eq!(table.to_string(), "VALUE\none\u{fffd}two\u{fffd}[31m\n");
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let mut facts = Facts::default();
        facts
            .add("name", "acme")
            .add("expires", "")
            .add("state", "active");
        assert_eq!(facts.to_string(), "name   acme\nstate  active\n");
    }
}
