//! What was measured, as a table and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figure {
    section: &'static str,
    subject: String,
    figure: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar: Option<Bar>,
    missed: bool,
}

/// All figures, in the order in which they were added.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    /// What could not be measured, and how to have it measured.
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, section: &'static str, subject: &str, figure: &'static str, value: f64, bar: Option<Bar>) {
        let missed = match bar {
            Some(Bar::AtMost(most)) => value > most,
            Some(Bar::AtLeast(least)) => value < least,
            None => false,
        };
        self.figures.push(Figure { section, subject: subject.to_owned(), figure, value, bar, missed });
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// How many bars were missed.
    pub(crate) fn missed(&self) -> usize {
        self.figures.iter().filter(|figure| figure.missed).count()
    }

    /// A table for each section: a row for each subject, a column for each figure.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for section in in_order(self.figures.iter().map(|figure| figure.section)) {
            let figures: Vec<_> = self.figures.iter().filter(|figure| figure.section == section).collect();
            let columns = in_order(figures.iter().map(|figure| figure.figure));
            let mut rows = vec![std::iter::once(section).chain(columns.iter().copied()).map(str::to_owned).collect::<Vec<_>>()];
            for subject in in_order(figures.iter().map(|figure| figure.subject.as_str())) {
                let find = |column| figures.iter().find(|figure| figure.subject == subject && figure.figure == column);
                let cells = columns.iter().map(|column| find(*column).map_or_else(|| "-".to_owned(), |figure| cell(figure)));
                rows.push(std::iter::once(subject.to_owned()).chain(cells).collect());
            }
            text.push_str(&aligned(&rows));
            text.push('\n');
        }
        for note in &self.notes {
            writeln!(text, "note: {note}").ok();
        }
        let bars = self.figures.iter().filter(|figure| figure.bar.is_some()).count();
        writeln!(text, "{bars} bars, {} missed (marked MISSED; a bar stands behind its figure)", self.missed()).ok();
        text
    }
}

fn cell(figure: &Figure) -> String {
    let mut cell = number(figure.value);
    if let Some(bar) = figure.bar {
        let (sign, bar) = match bar {
            Bar::AtMost(bar) => ("<=", bar),
            Bar::AtLeast(bar) => (">=", bar),
        };
        write!(cell, " {sign} {bar}").ok();
    }
    if figure.missed {
        cell.push_str(" MISSED");
    }
    cell
}

/// Three digits that say something.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            write!(line, "{cell:<width$}  ", width = width(column)).ok();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bar_is_marked_and_counted() {
        let mut report = Report::default();
        report.add("functions", "one", "zip MiB", 3.25, Some(Bar::AtMost(4.0)));
        report.add("functions", "two", "zip MiB", 4.5, Some(Bar::AtMost(4.0)));
        report.add("functions", "two", "ratio", 25.0, Some(Bar::AtLeast(20.0)));
        assert_eq!(report.missed(), 1);
        let expected = "functions  zip MiB           ratio\n\
                        one        3.25 <= 4         -\n\
                        two        4.50 <= 4 MISSED  25.0 >= 20\n\n\
                        3 bars, 1 missed (marked MISSED; a bar stands behind its figure)\n";
        assert_eq!(report.table(), expected);
    }
}
