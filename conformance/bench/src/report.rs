//! Tables in Markdown.

use std::fmt;

/// A whole report.
#[derive(Debug)]
pub struct Report {
    heading: String,
    sections: Vec<Section>,
}

/// One subject: tables and what is to be said of them.
#[derive(Debug)]
pub struct Section {
    title: &'static str,
    blocks: Vec<String>,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    columns: usize,
    lines: Vec<String>,
}

impl Report {
    /// Begins with where and how it was measured.
    pub fn new(heading: String) -> Self {
        Self {
            heading,
            sections: Vec::new(),
        }
    }

    /// Adds a section.
    pub fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Where and how it was measured.
    pub fn heading(&self) -> &str {
        &self.heading
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.heading)?;
        self.sections
            .iter()
            .try_for_each(|section| writeln!(f, "{section}"))
    }
}

impl Section {
    /// An empty section.
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(text.into());
    }

    /// Adds a table.
    pub fn table(&mut self, table: &Table) {
        self.blocks.push(table.lines.join("\n"));
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        writeln!(f, "{}", self.blocks.join("\n\n"))
    }
}

impl Table {
    /// A table with these columns.
    pub fn new<const N: usize>(columns: [&str; N]) -> Self {
        let rule = vec!["---"; N].join(" | ");
        Self {
            columns: N,
            lines: vec![format!("| {} |", columns.join(" | ")), format!("| {rule} |")],
        }
    }

    /// Adds a line.
    pub fn line<const N: usize>(&mut self, cells: &[String; N]) {
        assert_eq!(
            N, self.columns,
            "a line has as many cells as the table has columns"
        );
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }
}

/// `reached` or `**short**`, beside an aim.
pub fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "**short**" }
}
