//! What the harness measured: for each contender, task and size the times of its runs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Samples(Vec<Value>);

/// The runs of one contender at one task.
#[derive(Clone, Copy)]
pub struct Runs {
    pub median: f64,
    pub count: usize,
    /// Whether each result was checked against a reference and agreed.
    pub is_right: bool,
}

/// What is measured, in the harness's words.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub task: &'static str,
    pub variant: &'static str,
    /// As the harness writes it: a number of rows, or the name of a shape.
    pub size: &'static str,
    pub metric: &'static str,
}

impl Samples {
    /// Adds what a run of the harness has written.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let all: Value = serde_json::from_slice(&text).context("the harness's results are not JSON")?;
        self.0.extend(all["samples"].as_array().cloned().unwrap_or_default());
        Ok(())
    }

    /// Adds what a run of the harness's pages has written: as task t7 the whole of a report that is asked for once more,
    /// and the load of an empty one.
    pub fn add_pages(&mut self, path: &Path) -> Result<()> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let all: Value = serde_json::from_slice(&text).context("the harness's pages are not JSON")?;
        for page in all["samples"].as_array().into_iter().flatten() {
            let again: Vec<&Value> = page["warm"].as_array().into_iter().flatten().map(|run| &run["total"]).collect();
            for (variant, warm) in [("again", again), ("load", vec![&page["cold"]["end"]])] {
                let sample = json!({ "name": page["name"], "task": "t7", "variant": variant, "n": page["n"],
                    "metric": "ms", "warm": warm });
                self.0.push(sample);
            }
        }
        Ok(())
    }

    /// The median of a contender's warm runs of all rounds. Of wall time and CPU time of the whole page the lesser, since
    /// both are at least what it took; of a picture the CPU time, since its wall time waits for the screen.
    pub fn runs(&self, contender: &str, of: Task) -> Option<Runs> {
        let size = |sample: &Value| match &sample["n"] {
            Value::String(shape) => shape.clone(),
            number => number.to_string(),
        };
        let is_it = |sample: &&Value| {
            sample["name"] == contender
                && sample["task"] == of.task
                && sample["variant"] == of.variant
                && sample["metric"] == of.metric
                && size(sample) == of.size
        };
        let samples: Vec<&Value> = self.0.iter().filter(is_it).collect();
        let all = |key: &str| -> Vec<f64> {
            samples.iter().flat_map(|sample| sample[key].as_array()).flatten().filter_map(Value::as_f64).collect()
        };
        let (wall, cpu) = (all("warm"), all("cpu"));
        let count = wall.len().max(cpu.len());
        let median = match (median(wall), median(cpu)) {
            (_, Some(cpu)) if of.metric == "paint" => cpu,
            (Some(wall), Some(cpu)) => wall.min(cpu),
            (wall, cpu) => wall.or(cpu)?,
        };
        let is_right = samples.iter().all(|sample| sample["ok"].as_bool().unwrap_or(sample["ok"].is_null()));
        Some(Runs { median, count, is_right })
    }
}

/// The one in the middle, or between the two there.
pub fn median(mut times: Vec<f64>) -> Option<f64> {
    times.sort_unstable_by(f64::total_cmp);
    let middle = times.len() / 2;
    let last = *times.get(middle)?;
    Some(if times.len().is_multiple_of(2) { f64::midpoint(times[middle - 1], last) } else { last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_over_all_rounds() {
        let sample = |warm: [f64; 2], ok: Value| {
            json!({ "name": "ours", "task": "t5", "variant": "line", "n": "90", "metric": "paint", "warm": [99, 99],
                "cpu": warm, "ok": ok })
        };
        let samples = Samples(vec![sample([1.0, 4.0], json!(true)), sample([3.0, 2.0], json!(true))]);
        let task = Task { task: "t5", variant: "line", size: "90", metric: "paint" };
        let runs = samples.runs("ours", task).expect("there are runs");
        assert_eq!((runs.median, runs.count, runs.is_right), (2.5, 4, true));
        assert!(samples.runs("theirs", task).is_none());
        let wrong = Samples(vec![sample([1.0, 1.0], json!("sum mismatch"))]);
        assert!(!wrong.runs("ours", task).expect("there are runs").is_right);
    }
}
