//! docs/reports.md: the catalogue as an administrator reads it. Knows the catalogue only, no data.

use crate::catalogue::{Column, REPORTS, Report};
use crate::measure::Worse;
use crate::subject::{Scope, Subject};
use crate::wire::By;

const INTRODUCTION: &str = "\
# The reports

<!-- Generated from model/src/catalogue.rs; a test keeps it fresh. To write it anew: UPDATE_DOCS=1 cargo test -p mailtally-model -->

Every report shows its columns over time (by hour, day, ISO week, month or quarter, in the zone of your choice), and most
show them by domain or by user, too. What each column counts is said here in the words that stand beside its header on
the screen.

How to read them:

* **Missing is not zero.** A time whose logs were not read is a gap; a zero means that the logs were read and nothing happened.
* **Basis** says how far a number can be trusted. *Exact* counts what the logs say. A *lower bound* is at least this much,
  because some of it leaves no trace in the logs. An *estimate* is worked out from figures that stand for it. A report says
  so, and shows no number, where the source does not log it or none is set up.
* **Avg.** columns are means over the time observed. Coarser steps are worked out anew from the sums, never as a mean of means.
* **Totals** are the subject's own. Where one thing concerns several domains (a connection that brings mail for two of them),
  each has it, and what names none (a client that is refused at once) is in the total alone, so that rows may sum to more or
  less than it; such columns say so. What else belongs to no domain or mailbox known here is `(unattributed)`, and domains that
  are not ours fold into `(other)`.
* **More is worse** (or less) marks what is good news or bad to whoever looks: such a change ranks first on the overview and is
  coloured. A change of the other columns is neither.
* **KB** is 1,024 bytes, MB 1,024 KB. CSV files and JSON carry plain bytes.

The names in `code` are for addresses, the command line (`mailtally report ID`) and the API.
";

/// The text of docs/reports.md.
pub fn reports_markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut group = "";
    for report in REPORTS {
        if report.group != group {
            group = report.group;
            text += &format!("\n## {group}\n");
        }
        text += &section(report);
    }
    text
}

fn section(report: &Report) -> String {
    let mut text =
        format!("\n### {} (`{}`)\n\n{} {}\n\n", report.title, report.id, report.sentence, availability(report));
    text += "| Column | Unit | What it counts | Basis |\n|---|---|---|---|\n";
    for column in report.columns {
        text += &row(column);
    }
    text
}

/// For whom the report exists and what its rows can be.
fn availability(report: &Report) -> String {
    let scopes = report.scopes.iter().map(|scope| match scope {
        Scope::Server => "the whole server",
        Scope::Domain => "a domain",
        Scope::Mailbox => "a mailbox",
        Scope::Service => "a service",
    });
    // The names do not matter here: modes depend on the level alone.
    let levels = [Subject::Server, Subject::Domain(String::new())];
    let mut modes: Vec<&str> = levels
        .iter()
        .filter(|level| report.scopes.contains(&level.scope()))
        .flat_map(|level| report.modes(level))
        .filter(|by| *by != By::Time)
        .map(By::id)
        .collect();
    modes.insert(0, "time");
    format!("For {}; by {}.", list(&scopes.collect::<Vec<_>>()), list(&modes))
}

fn row(column: &Column) -> String {
    let mut notes = String::new();
    if column.server_only {
        notes += " For the whole server only.";
    }
    if column.overlaps() {
        notes += " Rows may sum to more or less than the total.";
    }
    notes += match column.measure().worse {
        Worse::WithMore => " More is worse.",
        Worse::WithLess => " Less is worse.",
        Worse::Neither => "",
    };
    if column.extra {
        notes += " Hidden until chosen.";
    }
    let (label, id, unit) = (column.label, column.id, column.shown_as.unit_shown());
    let (rule, basis) = (column.measure().rule(), column.best_basis().label());
    format!("| {label} (`{id}`) | {unit} | {rule}{notes} | {basis} |\n")
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} and {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reports.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).expect("docs/");
            std::fs::write(path, reports_markdown()).expect(path);
        }
        let file = std::fs::read_to_string(path).expect(path);
        assert!(file == reports_markdown(), "docs/reports.md is stale: UPDATE_DOCS=1 cargo test -p mailtally-model");
    }
}
