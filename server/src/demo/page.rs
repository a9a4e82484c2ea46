//! Lines collected in any order and given out in order of time, as a syslog daemon of the host `mx1` writes them.
//! Knows no mail.

use std::fmt::{self, Write};

use chrono::DateTime;
use mailtally_model::Time;

/// The host that all lines come from.
pub const HOST: &str = "mx1";

/// An instant to the microsecond, as ISO stamps carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    pub fn at(time: Time) -> Moment {
        Moment(time.0 * 1_000_000)
    }

    pub fn after_micros(self, micros: u64) -> Moment {
        Moment(self.0 + micros as i64)
    }

    pub fn after_ms(self, ms: u64) -> Moment {
        self.after_micros(ms * 1_000)
    }

    pub fn after_secs(self, secs: u64) -> Moment {
        self.after_ms(secs * 1_000)
    }

    /// The whole second that it falls in.
    pub fn time(self) -> Time {
        Time(self.0.div_euclid(1_000_000))
    }

    /// Microseconds into its second.
    pub fn micros(self) -> u64 {
        self.0.rem_euclid(1_000_000) as u64
    }
}

#[derive(Debug)]
struct Entry {
    at: Moment,
    start: u32,
    end: u32,
}

/// Lines that were said and not yet given out.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    entries: Vec<Entry>,
}

impl Page {
    pub fn say(&mut self, at: Moment, tag: fmt::Arguments<'_>, message: fmt::Arguments<'_>) {
        let start = self.text.len() as u32;
        write!(self.text, "{tag}: {message}").expect("writing to a String cannot fail");
        self.entries.push(Entry { at, start, end: self.text.len() as u32 });
    }

    /// Gives out, in order, what was said for before `until`; `keep` says of each whether it reaches the log at all.
    pub fn take_until(&mut self, until: Moment, keep: impl Fn(Time) -> bool, out: &mut String) {
        // Stable: what is said for the same microsecond keeps its order.
        self.entries.sort_by_key(|entry| entry.at);
        let due = self.entries.partition_point(|entry| entry.at < until);
        let rest = self.entries.split_off(due);
        let mut stamp = Stamp::default();
        for entry in &self.entries {
            if keep(entry.at.time()) {
                stamp.write(entry.at, out);
                out.push_str(&self.text[entry.start as usize..entry.end as usize]);
                out.push('\n');
            }
        }
        let mut left = Page::default();
        for entry in rest {
            let start = left.text.len() as u32;
            left.text.push_str(&self.text[entry.start as usize..entry.end as usize]);
            left.entries.push(Entry { at: entry.at, start, end: left.text.len() as u32 });
        }
        *self = left;
    }
}

/// Writes stamps; the calendar is asked once a day.
#[derive(Default)]
struct Stamp {
    day: Option<i64>,
    date: String,
}

impl Stamp {
    fn write(&mut self, at: Moment, out: &mut String) {
        let seconds = at.time().0;
        let day = seconds.div_euclid(86_400);
        if self.day != Some(day) {
            self.day = Some(day);
            self.date =
                DateTime::from_timestamp(seconds, 0).map(|date| date.date_naive().to_string()).unwrap_or_default();
        }
        let (hour, minute, second) =
            (seconds.rem_euclid(86_400) / 3600, seconds.rem_euclid(3600) / 60, seconds.rem_euclid(60));
        write!(out, "{}T{hour:02}:{minute:02}:{second:02}.{:06}+00:00 {HOST} ", self.date, at.micros())
            .expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_in_order_and_what_is_not_due_stays() {
        let mut page = Page::default();
        let noon = Moment::at(Time(1_795_262_400));
        page.say(noon.after_secs(2), format_args!("b[2]"), format_args!("second"));
        page.say(noon.after_micros(7), format_args!("a[1]"), format_args!("first"));
        page.say(noon.after_secs(9), format_args!("c[3]"), format_args!("later"));
        let mut out = String::new();
        page.take_until(noon.after_secs(9), |_| true, &mut out);
        assert_eq!(
            out,
            "2026-11-21T12:00:00.000007+00:00 mx1 a[1]: first\n2026-11-21T12:00:02.000000+00:00 mx1 b[2]: second\n"
        );
        out.clear();
        page.take_until(noon.after_secs(10), |_| true, &mut out);
        assert_eq!(out, "2026-11-21T12:00:09.000000+00:00 mx1 c[3]: later\n");
    }
}
