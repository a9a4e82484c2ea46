//! What the app's figures are held to: a share of a peer's, or of a limit written by hand, in the same run.

use super::samples::{Runs, Samples, Task};
use crate::bench::document::Table;

struct Goal {
    what: &'static str,
    of: Task,
    peer: &'static str,
    /// What the peer does, where that is another task of the harness.
    theirs: Option<Task>,
    at_most: f64,
}

const JSON_PARSE: Task = Task { task: "limits", variant: "JSON.parse cols 1M (44.6 MB)", size: "0", metric: "ms" };

const fn task(task: &'static str, variant: &'static str, size: &'static str, metric: &'static str) -> Task {
    Task { task, variant, size, metric }
}

const fn beside(what: &'static str, of: Task, peer: &'static str, at_most: f64) -> Goal {
    Goal { what, of, peer, theirs: None, at_most }
}

const FOLD_DAY: Task = task("t2", "day", "1000000", "ms");

const GOALS: [Goal; 20] = [
    Goal {
        what: "T1 read columns as JSON, 1M rows",
        of: task("t1", "cols", "1000000", "ms"),
        peer: "hand",
        theirs: Some(JSON_PARSE),
        at_most: 0.6,
    },
    beside("T2 fold 1M rows by day", FOLD_DAY, "duckdb", 0.25),
    beside("T2 fold 1M rows by day", FOLD_DAY, "wasm", 1.5),
    beside("T2 fold 1M rows by domain", task("t2", "domain", "1000000", "ms"), "duckdb", 0.3),
    beside("T2 fold 1M rows by user", task("t2", "user", "1000000", "ms"), "duckdb", 0.3),
    beside("T3 sort 100k rows by a number", task("t3", "num", "100000", "ms"), "arquero", 0.15),
    beside("T3 sort 100k rows by name", task("t3", "text", "100000", "ms"), "duckdb", 0.4),
    beside("T4 table of 5,000 rows to paint", task("t4", "table", "5000", "paint"), "tanstack", 0.6),
    beside("T5 line, 90 × 6", task("t5", "line-90", "90", "paint"), "uplot", 0.75),
    beside("T5 area, 90 × 6", task("t5", "area-90", "90", "paint"), "uplot", 0.75),
    beside("T5 columns, 90 × 6", task("t5", "bar-90", "90", "paint"), "uplot", 0.75),
    beside("T5 line, 2,160 × 6", task("t5", "line-2160", "2160", "paint"), "uplot", 0.75),
    beside("T5 area, 2,160 × 6", task("t5", "area-2160", "2160", "paint"), "uplot", 0.75),
    beside("T5 line, 100,000 points", task("t5", "line-100k", "100k", "paint"), "uplot", 0.75),
    beside("T6 CSV of 100k rows", task("t6", "csv", "100000", "ms"), "d3", 0.3),
    beside("T6 CSV of 1M rows", task("t6", "csv", "1000000", "ms"), "d3", 0.2),
    beside("T6 CSV of 1M rows", task("t6", "csv", "1000000", "ms"), "hand", f64::INFINITY),
    beside("T7 report of 1M rows, asked for to painted", task("t7", "again", "1000000", "ms"), "uplot-lean", 0.8),
    beside("T7 empty report, load to painted", task("t7", "load", "0", "ms"), "arquero-uplot", 1.0),
    beside("T2 fold 1M rows by hour", task("t2", "hour", "1000000", "ms"), "wasm", f64::INFINITY),
];

/// The goals of some tasks, with what was measured.
pub fn table(samples: &Samples, is_wanted: impl Fn(&str) -> bool) -> String {
    let mut table = Table::new(&["what", "ours, ms", "peer", "peer, ms", "ratio", "goal", "runs", "result"]);
    for goal in GOALS.iter().filter(|goal| is_wanted(goal.of.task)) {
        let ours = samples.runs("ours", goal.of);
        let theirs = samples.runs(goal.peer, goal.theirs.unwrap_or(goal.of));
        let millis = |runs: Option<Runs>| runs.map_or_else(|| "–".to_owned(), |runs| format!("{:.1}", runs.median));
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours.median / theirs.median);
        let verdict = match (ours, ratio) {
            (Some(ours), _) if !ours.is_right => "wrong",
            (_, Some(ratio)) if ratio <= goal.at_most => "held",
            (_, Some(_)) => "missed",
            _ => "not measured",
        };
        table.row([
            goal.what.to_owned(),
            millis(ours),
            goal.theirs.map_or(goal.peer, |_| "JSON.parse").to_owned(),
            millis(theirs),
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            if goal.at_most.is_finite() { format!("{:.2}", goal.at_most) } else { "–".to_owned() },
            ours.map_or(0, |ours| ours.count).to_string(),
            if goal.at_most.is_finite() { verdict } else { "–" }.to_owned(),
        ]);
    }
    table.markdown()
}
