//! Which commit last touched a UTC day, so that an answer over days that rest stays good.

use std::collections::BTreeSet;

use mailtally_model::time::DAY_SECS;
use mailtally_model::{Span, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// A commit that touches more days than this is taken to have touched all: a decade.
const MAX_TOUCHED: usize = 3_660;

/// The days that a commit touches.
#[derive(Debug, Default)]
pub struct Touched {
    days: BTreeSet<i64>,
    everything: bool,
}

impl Touched {
    pub fn day(&mut self, utc_day: i64) {
        self.days.insert(utc_day);
        self.everything |= self.days.len() > MAX_TOUCHED;
    }

    pub fn span(&mut self, span: Span) {
        let days = day_of(span.from)..=day_of(span.until);
        if days.end() - days.start() > MAX_TOUCHED as i64 {
            self.everything();
        } else if !self.everything {
            days.for_each(|utc_day| self.day(utc_day));
        }
    }

    /// Something that shows in answers over any span: a name became known, a family was seen for the first time.
    pub fn everything(&mut self) {
        self.everything = true;
    }

    pub fn write(&self, tx: &Connection) -> Result<()> {
        let number = last(tx, "commit")? + 1;
        set(tx, "commit", number)?;
        if self.everything {
            set(tx, "commit_of_everything", number)?;
            return Ok(());
        }
        let mut upsert = tx.prepare_cached("INSERT OR REPLACE INTO day_commit (utc_day, number) VALUES (?1, ?2)")?;
        for utc_day in &self.days {
            upsert.execute(params![utc_day, number])?;
        }
        Ok(())
    }
}

/// The number of the last commit that touched a span.
pub fn last_touched(tx: &Connection, span: Span) -> Result<i64> {
    let in_span: Option<i64> = tx
        .prepare_cached("SELECT max(number) FROM day_commit WHERE utc_day >= ?1 AND utc_day <= ?2")?
        .query_row([day_of(span.from), day_of(span.until)], |row| row.get(0))?;
    Ok(in_span.unwrap_or(0).max(last(tx, "commit_of_everything")?))
}

/// Which file this is: a random number from when it was made.
pub fn identity(tx: &Connection) -> Result<i64> {
    last(tx, "identity")
}

fn day_of(time: Time) -> i64 {
    time.0.div_euclid(DAY_SECS)
}

fn last(tx: &Connection, key: &str) -> Result<i64> {
    let mut find = tx.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(find.query_row([key], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set(tx: &Connection, key: &str, number: i64) -> Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?.execute(params![key, number])?;
    Ok(())
}
