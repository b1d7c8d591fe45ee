//! Printing: tables for people, JSON for programs, both of the same view.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    error::CliError,
    view::{Column, Listed, Shown},
};

/// Tables are at most this wide, so that they look alike wherever they are pasted.
const TABLE_COLUMNS_MAX: u16 = 100;
/// Between two columns.
const GAP: u16 = 2;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For programs: an object, or an array of objects
    Json,
}

/// Part of a list, or all of it.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// In the order of the server.
    pub(crate) items: Vec<T>,
    /// There is more than was asked for.
    pub(crate) more: bool,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub(crate) fn map<U>(self, map: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(map).collect(), more: self.more }
    }
}

/// Writes answers to one place and remarks to another.
pub(crate) struct Printer {
    format: Format,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
}

impl Printer {
    /// A printer of answers to `out` and of remarks and errors to `err`.
    pub(crate) fn new(
        format: Format,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Self { format, out, err }
    }

    /// Prints a list, and says so if it was cut.
    pub(crate) fn list<V: Listed>(&mut self, page: &Page<V>) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(&page.items)?,
            Format::Table if page.items.is_empty() => writeln!(self.out, "none")?,
            Format::Table => {
                let rows = page.items.iter().map(Listed::row);
                writeln!(self.out, "{}", table(V::COLUMNS, rows).trim_fmt())?;
            }
        }
        if page.more {
            writeln!(self.err, "there are more than these {}", page.items.len())?;
        }
        self.out.flush()
    }

    /// Prints one thing.
    pub(crate) fn one<V: Shown>(&mut self, view: &V) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(view)?,
            Format::Table => writeln!(self.out, "{}", view.table().trim_fmt())?,
        }
        self.out.flush()
    }

    /// Prints one thing of an endless list on a line of its own, at once.
    pub(crate) fn record<V: Serialize>(&mut self, view: &V, text: &str) -> io::Result<()> {
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut self.out, view)?;
                writeln!(self.out)?;
                self.out.flush()
            }
            Format::Table => self.line(text),
        }
    }

    /// Prints a text that is the same in each format.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", printable(text))?;
        self.out.flush()
    }

    /// Prints bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Whether people read what is printed.
    pub(crate) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Prints a remark that is no part of the answer.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{}", printable(text))
    }

    /// Prints an error.
    pub(crate) fn error(&mut self, error: &CliError) {
        if error.is_broken_pipe() {
            return;
        }
        // Nobody is left to tell that the error could not be written.
        let _ = match self.format {
            Format::Table => writeln!(self.err, "{}", printable(&error.text())),
            Format::Json => writeln!(self.err, "{:#}", error.json()),
        };
    }

    fn json<V: Serialize + ?Sized>(&mut self, value: &V) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }
}

/// A table with a heading.
pub(crate) fn table(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = bare(rows);
    table.set_header(columns.iter().map(|column| column.title));
    for (index, column) in columns.iter().enumerate() {
        let Some(cells) = table.column_mut(index) else { continue };
        cells.set_padding((0, GAP));
        if !column.wraps {
            cells.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// Names and values of one thing, one below the other. Empty values are left out.
pub(crate) fn fields(fields: Vec<(&'static str, String)>) -> Table {
    let rows = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![name.to_owned(), value]);
    let mut table = bare(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

fn bare(rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(TABLE_COLUMNS_MAX);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    table
}

/// What others have written must not steer the terminal.
fn printable(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::fixed("ID"), Column::text("NAME"), Column::text("TEXT")];

    #[test]
    fn a_table_is_at_most_a_hundred_columns_wide_and_keeps_ids_whole() {
        let id = "0193b0c4-7a1e-7c3a-9d2f-0123456789ab";
        let row = vec![id.to_owned(), "name ".repeat(20), "text ".repeat(40)];
        let printed = table(COLUMNS, [row].into_iter()).trim_fmt();
        assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");
        assert!(printed.contains(id), "{printed}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let row = vec!["\u{1b}[2J".to_owned(), String::new(), String::new()];
        let printed = table(COLUMNS, [row].into_iter()).to_string();
        assert!(!printed.contains('\u{1b}'), "{printed:?}");
    }

    #[test]
    fn empty_fields_are_left_out() {
        let printed = fields(vec![("id", "7".to_owned()), ("ticket", String::new())]).trim_fmt();
        assert_eq!(printed, "id  7");
    }
}
