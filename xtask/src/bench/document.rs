//! docs/benchmarks.md: a head that people write, and a section for each half that the bench writes. Knows Markdown and
//! nothing of what is measured.

use std::fs;

use anyhow::{Context, Result};

use super::machine::Machine;
use crate::root;

/// What one half found.
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    /// Markdown below the section's heading.
    pub body: String,
}

/// Puts a section in place of what it was, with the date and the machine above it; the rest of the page stays.
pub fn write(section: &Section) -> Result<()> {
    let path = root::root().join("docs/benchmarks.md");
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let page = replaced(&page, section, &Machine::look()?.to_string());
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(page: &str, section: &Section, head: &str) -> String {
    let Section { id, title, body } = section;
    let (begin, end) = (format!("<!-- bench {id} -->"), format!("<!-- end of bench {id} -->"));
    let text = format!("{begin}\n## {title}\n\n{head}\n\n{}\n{end}", body.trim_end());
    match (page.find(&begin), page.find(&end)) {
        (Some(from), Some(to)) if from < to => format!("{}{text}{}", &page[..from], &page[to + end.len()..]),
        _ => format!("{}\n\n{text}\n", page.trim_end()),
    }
}

/// A table as Markdown; the first column is text, the others are numbers.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// With an empty line after it.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rules: Vec<String> =
            (0..self.head.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}{rows}\n", line(&self.head), line(&rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_last_run_and_of_nothing_else() {
        let section = |id, body: &str| Section { id, title: "T", body: body.to_owned() };
        let page = replaced("# Head\n", &section("a", "one"), "m");
        let page = replaced(&page, &section("b", "two"), "m");
        let page = replaced(&page, &section("a", "three"), "m");
        let expected = "# Head\n\n<!-- bench a -->\n## T\n\nm\n\nthree\n<!-- end of bench a -->\n\n\
                        <!-- bench b -->\n## T\n\nm\n\ntwo\n<!-- end of bench b -->\n";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "ms"]);
        table.row(["fold".to_owned(), "7".to_owned()]);
        assert_eq!(table.markdown(), "| what | ms |\n| --- | ---: |\n| fold | 7 |\n\n");
    }
}
