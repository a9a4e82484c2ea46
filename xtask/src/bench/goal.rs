//! What a figure is held to.

use super::document::Table;

/// A figure, and what it must not exceed.
pub struct Goal {
    pub what: String,
    pub measured: f64,
    pub at_most: f64,
}

impl Goal {
    pub fn new(what: &str, measured: f64, at_most: f64) -> Goal {
        Goal { what: what.to_owned(), measured, at_most }
    }

    fn verdict(&self) -> &'static str {
        match self.measured {
            measured if measured.is_nan() => "not measured",
            measured if measured <= self.at_most => "held",
            _ => "missed",
        }
    }
}

/// The goals in their order, with what became of them.
pub fn table(goals: &[Goal]) -> String {
    let mut table = Table::new(&["what is asked", "measured", "at most", "result"]);
    for goal in goals {
        let Goal { what, measured, at_most } = goal;
        table.row([what.clone(), format!("{measured:.3}"), format!("{at_most:.3}"), goal.verdict().to_owned()]);
    }
    table.markdown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_held() {
        let verdict = |measured| Goal::new("", measured, 1.0).verdict();
        assert_eq!([0.5, 1.0, 1.1, f64::NAN].map(verdict), ["held", "held", "missed", "not measured"]);
    }
}
