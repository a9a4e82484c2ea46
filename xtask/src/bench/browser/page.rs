//! What a report's page costs as its rows grow, and what visits leave behind in it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::product::Product;
use super::samples::median;
use super::whole;
use crate::bench::document::Table;
use crate::bench::goal::{self, Goal};
use crate::root::root;
use crate::shell;

const SIZES: [&str; 3] = ["10000", "100000", "1000000"];
/// A row's slot and its six counts, of four bytes each.
const ROW_BYTES: f64 = 28.0;
const PAGE_BYTES: f64 = 65_536.0;

/// One size: milliseconds of each load, pages of linear memory, and bytes of what else the page holds.
#[derive(Deserialize)]
struct Size {
    rows: f64,
    first: Vec<f64>,
    again: Vec<f64>,
    pages: f64,
    others: f64,
}

/// The report of T7 with ever more rows.
pub fn growth(folder: &Path) -> Result<String> {
    whole::write_answers(folder, &SIZES)?;
    let (server, address) = whole::serve(folder)?;
    let script = root().join("examples/contender/growth.mjs");
    let said = shell::output(Command::new("node").arg(script).arg(folder).arg(&address).args(SIZES));
    drop(server);
    let sizes: Vec<Size> = serde_json::from_slice(&said?).context("what the pages cost is not JSON")?;

    let mut table = Table::new(&["a report of six counts", "10,000 rows", "100,000", "1,000,000", "why"]);
    let mut row = |what: &str, of: &dyn Fn(&Size) -> f64, why: &str| {
        let cells = sizes.iter().map(|size| format!("{:.1}", of(size)));
        table.row([what.to_owned()].into_iter().chain(cells).chain([why.to_owned()]));
    };
    let median = |times: &[f64]| median(times.to_vec()).unwrap_or(f64::NAN);
    let drawn = "chart and table are of 90 days whatever is read; the first time the code is compiled as it runs";
    row("asked for to painted, first, ms", &|size| median(&size.first), drawn);
    row("asked for to painted, later, ms", &|size| median(&size.again), "to receive, read and fold grow with the rows");
    row("linear memory, MB", &|size| linear(size) / 1e6, "the text that is read, and the columns; the rest is the app");
    row("all else of the page, MB", &|size| size.others / 1e6, "elements, canvas and heap of the same chart and table");
    row("all beside typed columns", &Size::beside_columns, "the rest of the app is spread over more rows");

    let most = sizes.last().context("no page was measured")?;
    let goals = [Goal::new("memory of the page at 1M rows, typed columns = 1", most.beside_columns(), 2.0)];
    Ok(format!("{}\n{}", table.markdown(), goal::table(&goals)))
}

fn linear(size: &Size) -> f64 {
    size.pages * PAGE_BYTES
}

impl Size {
    fn beside_columns(&self) -> f64 {
        (linear(self) + self.others) / (self.rows * ROW_BYTES)
    }
}

/// What is left after so many visits.
#[derive(Deserialize)]
struct Left {
    visits: u32,
    pages: f64,
    heap: f64,
    nodes: f64,
    listeners: f64,
}

/// Two reports in turn, by the menu.
pub fn visits(folder: &Path, product: &Product) -> Result<String> {
    let all: Vec<Left> =
        serde_json::from_slice(&product.seen_by("visits.mjs", folder)?).context("what visits left is not JSON")?;
    let mut table =
        Table::new(&["visits", "linear memory, pages of 64 KiB", "JavaScript heap, MB", "nodes", "listeners"]);
    for left in &all {
        let Left { visits, pages, heap, nodes, listeners } = left;
        table.row([
            visits.to_string(),
            pages.to_string(),
            format!("{:.2}", heap / 1e6),
            nodes.to_string(),
            listeners.to_string(),
        ]);
    }
    Ok(table.markdown())
}
