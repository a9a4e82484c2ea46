//! Stamps, and what they leave out: the year (RFC 3164) and the offset (all but ISO 8601), read in order.

use chrono::{Datelike, NaiveDate};
use mailtally_model::{Time, Zone, time::DAY_SECS};

use super::NotALine;

/// A step back by more than this is the turn of the year; a smaller one is lines out of order.
const TURN_BACK_SECS: i64 = 183 * DAY_SECS;

/// A step ahead by more than this is a late line of the old year, after the turn.
const TURN_AHEAD_SECS: i64 = 330 * DAY_SECS;

/// In the hour that autumn repeats, a step back by more than this is the second pass; syslog is less out of order.
const REPEATED_HOUR_SLACK_SECS: i64 = 60;

const YEAR_SECS: i64 = 366 * DAY_SECS;

/// How many years back a year is looked for: 29 February may be eight years apart (1896 to 1904).
const YEARS_BACK: i32 = 9;

/// What a line says of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// `Nov 22 00:13:48`
    Yearless { month: u32, day: u32, secs: i64 },
    /// `2026-11-22 00:13:48`, in the zone of the log.
    Local { year: i32, month: u32, day: u32, secs: i64 },
    /// `Sun Nov 22 00:05:38 2026`, before clamd's `-> ` or spamd's `[12261] `, in the zone of the log.
    Ctime { year: i32, month: u32, day: u32, secs: i64 },
    /// `2026-11-22T00:13:48.5726+01:00`
    Offset { year: i32, month: u32, day: u32, secs: i64, east: i64 },
    /// `@4000000067d2b3c40e4e1c00`, as multilog writes it (TAI64N, <https://cr.yp.to/libtai/tai64.html>).
    Instant(Time),
    /// Hours over 23, minutes over 59, 30 February and the like: the form is right, the time is none.
    Bad,
}

impl Stamp {
    /// The stamp at the start and the bytes after it and its space.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Stamp, &[u8])> {
        match bytes.first()? {
            b'0'..=b'9' => iso(bytes),
            b'@' => tai64n(bytes),
            b'A'..=b'Z' => month(bytes).map_or_else(|| ctime(bytes), |month| yearless(month, bytes)),
            _ => None,
        }
    }
}

/// Has every day that any year has.
const A_LEAP_YEAR: i32 = 2024;

/// `Nov 22 00:13:48 ` or `Nov  2 00:13:48 `
fn yearless(month: u32, bytes: &[u8]) -> Option<(Stamp, &[u8])> {
    let (day, secs, rest) = day_and_clock(bytes)?;
    let rest = rest.strip_prefix(b" ")?;
    // A day that no year has would leave a file without a year, did it stand last.
    let secs = secs.filter(|_| NaiveDate::from_ymd_opt(A_LEAP_YEAR, month, day).is_some());
    Some((secs.map_or(Stamp::Bad, |secs| Stamp::Yearless { month, day, secs }), rest))
}

/// `Sun Nov 22 00:05:38 2026 -> ` or `Sun Nov 22 00:05:38 2026 [12261] `
fn ctime(bytes: &[u8]) -> Option<(Stamp, &[u8])> {
    let bytes = bytes.get(4..)?;
    let month = month(bytes)?;
    let (day, secs, rest) = day_and_clock(bytes)?;
    let year = digits(rest.get(1..5)?)?;
    let rest = rest.get(5..)?.strip_prefix(b" ").filter(|rest| rest.starts_with(b"-> ") || rest.starts_with(b"["))?;
    Some((secs.map_or(Stamp::Bad, |secs| Stamp::Ctime { year: year as i32, month, day, secs }), rest))
}

/// `Nov 22 00:13:48`: the month is known; day, seconds of the day (none for 24:00:00) and the bytes after. A day below
/// ten has a second space before it, which some daemons and forwarders leave out.
fn day_and_clock(bytes: &[u8]) -> Option<(u32, Option<i64>, &[u8])> {
    let (day, rest) = match *bytes.get(3..)? {
        [b' ', b' ', unit, b' ', ..] => (digits(&[unit])?, &bytes[7..]),
        [b' ', unit, b' ', ..] => (digits(&[unit])?, &bytes[6..]),
        [b' ', ten, unit, b' ', ..] => (two_digits(ten, unit)?, &bytes[7..]),
        _ => return None,
    };
    Some((day, clock(rest.get(..8)?)?, &rest[8..]))
}

/// `2026-11-22T00:13:48.5726+01:00 ` or `2026-11-22 00:13:48 `, the latter with a fraction too.
fn iso(bytes: &[u8]) -> Option<(Stamp, &[u8])> {
    let year = digits(bytes.get(0..4)?)? as i32;
    let [b'-', month1, month2, b'-', day1, day2, separator] = *bytes.get(4..11)? else { return None };
    let (month, day) = (two_digits(month1, month2)?, two_digits(day1, day2)?);
    let secs = clock(bytes.get(11..19)?)?;
    let rest = without_fraction(&bytes[19..])?;
    let (east, rest) = match (separator, rest.first()?) {
        (b' ', b' ') => (None, &rest[1..]),
        (b'T' | b' ', b'Z') => (Some(0), rest[1..].strip_prefix(b" ")?),
        (b'T' | b' ', sign @ (b'+' | b'-')) => {
            let digits_at = |at: usize| digits(rest.get(at..at + 2)?);
            let minutes_at = if rest.get(3)? == &b':' { 4 } else { 3 };
            let east = i64::from(digits_at(1)?) * 3600 + i64::from(digits_at(minutes_at)?) * 60;
            let rest = rest.get(minutes_at + 2..)?.strip_prefix(b" ")?;
            (Some(if *sign == b'-' { -east } else { east }), rest)
        }
        _ => return None,
    };
    let stamp = match (secs, east) {
        (None, _) => Stamp::Bad,
        (Some(secs), None) => Stamp::Local { year, month, day, secs },
        (Some(secs), Some(east)) => Stamp::Offset { year, month, day, secs, east },
    };
    Some((stamp, rest))
}

/// 2^62 stands for 1970 in TAI, and multilog adds the ten seconds by which TAI was ahead then, whatever came since.
const TAI_AT_EPOCH: u64 = (1 << 62) + 10;

/// 16 hexadecimal digits of seconds and 8 of nanoseconds.
fn tai64n(bytes: &[u8]) -> Option<(Stamp, &[u8])> {
    let secs = hexadecimal(bytes.get(1..17)?)?;
    hexadecimal(bytes.get(17..25)?)?;
    let rest = bytes[25..].strip_prefix(b" ")?;
    let secs = secs.checked_sub(TAI_AT_EPOCH).and_then(|secs| i64::try_from(secs).ok());
    let exists = |secs: &i64| *secs < wall(10_000, 1, 1, 0).unwrap_or(i64::MAX);
    Some((secs.filter(exists).map_or(Stamp::Bad, |secs| Stamp::Instant(Time(secs))), rest))
}

/// Digits and small letters alone, at most 16 of them.
fn hexadecimal(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |value, byte| match byte {
        b'0'..=b'9' => Some(value << 4 | u64::from(byte - b'0')),
        b'a'..=b'f' => Some(value << 4 | u64::from(byte - b'a' + 10)),
        _ => None,
    })
}

/// Whole seconds count; 1 to 9 digits after a point or a comma are taken off.
fn without_fraction(bytes: &[u8]) -> Option<&[u8]> {
    let [b'.' | b',', fraction @ ..] = bytes else { return Some(bytes) };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=9).contains(&length).then(|| &fraction[length..])
}

/// The millionths of a second of an ISO 8601 stamp or a TAI64N one at the start; 0 for what has none.
pub(super) fn micros(bytes: &[u8]) -> u32 {
    if bytes.first() == Some(&b'@') {
        let nanos = bytes.get(17..25).and_then(hexadecimal).unwrap_or(0);
        return u32::try_from(nanos / 1_000).map_or(0, |micros| micros.min(999_999));
    }
    let Some([b'.' | b',', fraction @ ..]) = bytes.get(19..) else { return 0 };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
    // A stamp may have fewer digits, and more than these are no help.
    digits.chain(std::iter::repeat(&b'0')).take(6).fold(0, |micros, digit| micros * 10 + u32::from(digit - b'0'))
}

fn month(bytes: &[u8]) -> Option<u32> {
    Some(match bytes.get(..3)? {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `00:13:48` in seconds; inner none when it is no time of day. A leap second `:60` is the next second.
fn clock(bytes: &[u8]) -> Option<Option<i64>> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *bytes else { return None };
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    let exists = hour < 24 && minute < 60 && second <= 60;
    Some(exists.then(|| i64::from(hour * 3600 + minute * 60 + second)))
}

fn two_digits(ten: u8, unit: u8) -> Option<u32> {
    let (ten, unit) = (ten.wrapping_sub(b'0'), unit.wrapping_sub(b'0'));
    (ten < 10 && unit < 10).then(|| u32::from(ten) * 10 + u32::from(unit))
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value * 10 + u32::from(digit))
    })
}

/// Seconds since 1970 of a wall clock, as if it were UTC; none for a day that the month does not have.
fn wall(year: i32, month: u32, day: u32, secs: i64) -> Option<i64> {
    const EPOCH: i64 = 719_163; // 1970-01-01, in days from the common era
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some((i64::from(date.num_days_from_ce()) - EPOCH) * DAY_SECS + secs)
}

/// Turns stamps into instants, in the order of the stream.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    zone: Zone,
    /// The year of the newest stamp without one.
    year: Option<i32>,
    /// Where in its year the newest stamp without one stood.
    previous: Option<YearSecs>,
    last: Option<Time>,
    /// The newest stamp that names its year, if none without one came since: a log may change its style.
    dated: Option<Time>,
    /// The newest stamp without a year.
    last_yearless: Option<Time>,
    /// The stamp of the line before and its time.
    latest: Option<(Stamp, Time)>,
}

impl Clock {
    pub(super) fn new(zone: Zone) -> Clock {
        Clock { zone, year: None, previous: None, last: None, dated: None, last_yearless: None, latest: None }
    }

    pub(super) fn set_year(&mut self, year: i32) {
        self.year = Some(year);
        self.previous = None;
        self.latest = None;
    }

    pub(super) fn resume(&mut self, last: Time) {
        self.latest = None;
        self.last = Some(last);
        self.go_on_in_the_year_of(last);
    }

    /// What comes was written after `last`, which stood in another file.
    pub(super) fn come_after(&mut self, last: Time) {
        self.last.get_or_insert(last);
    }

    fn go_on_in_the_year_of(&mut self, last: Time) {
        let wall = self.zone.local(last);
        let Some(day) = chrono::DateTime::from_timestamp(wall, 0) else { return };
        self.year = Some(day.year());
        self.previous = Some(YearSecs::new(day.month(), day.day(), wall.rem_euclid(DAY_SECS)));
    }

    /// Most lines stand in the second of the one before. To read a stamp twice in a row tells nothing new, whatever its
    /// kind: the second reading starts from where the first one ended.
    pub(super) fn time(&mut self, stamp: &Stamp) -> Result<Time, NotALine> {
        if let Some((latest, time)) = &self.latest
            && latest == stamp
        {
            return Ok(*time);
        }
        let time = self.read(stamp)?;
        self.latest = Some((*stamp, time));
        Ok(time)
    }

    fn read(&mut self, stamp: &Stamp) -> Result<Time, NotALine> {
        let time = match *stamp {
            Stamp::Bad => return Err(NotALine::BadStamp),
            Stamp::Instant(time) => time,
            Stamp::Offset { year, month, day, secs, east } => {
                Time(wall(year, month, day, secs).ok_or(NotALine::BadStamp)? - east)
            }
            Stamp::Local { year, month, day, secs } | Stamp::Ctime { year, month, day, secs } => {
                self.instant(wall(year, month, day, secs).ok_or(NotALine::BadStamp)?)
            }
            Stamp::Yearless { month, day, secs } => self.yearless(month, day, secs)?,
        };
        self.dated = (!matches!(stamp, Stamp::Yearless { .. })).then_some(time);
        self.last = Some(time);
        Ok(time)
    }

    fn yearless(&mut self, month: u32, day: u32, secs: i64) -> Result<Time, NotALine> {
        // Where a year is known, one stamp that leads far away from it is damage.
        let is_near = |dated: Time| self.last_yearless.is_none_or(|last| dated.secs_since(last).abs() < YEAR_SECS);
        if let Some(dated) = self.dated.filter(|dated| is_near(*dated)) {
            self.go_on_in_the_year_of(dated);
        }
        let year = self.year.ok_or(NotALine::NoYear)?;
        let this = YearSecs::new(month, day, secs);
        let turn = self.previous.map_or(0, |previous| this.turn_since(previous));
        let time = self.instant(wall(year + turn, month, day, secs).ok_or(NotALine::BadStamp)?);
        // A late line of the old year does not turn the year back.
        if turn >= 0 {
            self.year = Some(year + turn);
            self.previous = Some(this);
            self.last_yearless = Some(time);
        }
        Ok(time)
    }

    /// The instant at which the log's wall clock shows `wall`; in a repeated hour the first pass, unless the
    /// stream is past it (FAULTS 59).
    fn instant(&self, wall: i64) -> Time {
        let first = self.zone.instant(wall);
        let Some(last) = self.last else { return first };
        if last.secs_since(first) <= REPEATED_HOUR_SLACK_SECS {
            return first;
        }
        // No zone turns its clock back by more than three hours.
        let second = Time(wall - i64::from(self.zone.offset_secs(first.plus_secs(3 * 3600))));
        if second > first && self.zone.local(second) == wall { second } else { first }
    }
}

/// Seconds into a year that has a 29 February: orders stamps without a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct YearSecs(i64);

impl YearSecs {
    fn new(month: u32, day: u32, secs: i64) -> YearSecs {
        const BEFORE: [i64; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
        let days = BEFORE.get(month as usize - 1).copied().unwrap_or(0) + i64::from(day) - 1;
        YearSecs(days * DAY_SECS + secs)
    }

    /// Years from `previous` to the next line: 1 after the turn, −1 for a late line of the old year.
    fn turn_since(self, previous: YearSecs) -> i32 {
        match self.0 - previous.0 {
            step if step < -TURN_BACK_SECS => 1,
            step if step > TURN_AHEAD_SECS => -1,
            _ => 0,
        }
    }
}

/// `Nov 22 00:13:48 `, as nearly all daemons write it.
const STAMP_BYTES: usize = 16;

/// The newest stamp without a year.
#[derive(Clone, Copy, Debug)]
struct Newest {
    at: YearSecs,
    month: u32,
    day: u32,
    /// Into its day.
    secs: i64,
}

/// Finds the year of a file's first stamp, when its stamps have none: give it every line, in order.
#[derive(Clone, Debug, Default)]
pub struct YearScan {
    previous: Option<Newest>,
    turns: i32,
    /// A stamp that names its year, after those that do not: a log may change its style.
    dated: Option<Time>,
    /// After how many turns a 29 February stood.
    leap_days: Vec<i32>,
    /// The bytes of the newest stamp without a year.
    latest: Vec<u8>,
}

impl YearScan {
    /// Whether a line, and more behind it, stands in the hour of the one before by a stamp of the usual form. Of such lines, one
    /// after the other, only the last tells anything: within a day no year turns.
    pub fn is_in_the_same_hour(&self, bytes: &[u8]) -> bool {
        let Some([hour @ .., minute, m, b':', second, s, b' ']) = bytes.first_chunk::<STAMP_BYTES>() else {
            return false;
        };
        let is_below_sixty = |ten: u8, unit: u8| ten.is_ascii_digit() && ten < b'6' && unit.is_ascii_digit();
        self.latest.len() == STAMP_BYTES
            && self.latest.starts_with(hour)
            && is_below_sixty(*minute, *m)
            && is_below_sixty(*second, *s)
    }

    pub fn line(&mut self, bytes: &[u8]) {
        let (bytes, _) = super::without_priority(super::without_padding(bytes));
        // The second reading of a stamp tells nothing new, and most lines stand in the second of the one before.
        if !self.latest.is_empty() && bytes.starts_with(&self.latest) {
            return;
        }
        let stamp = Stamp::parse(bytes);
        if let Some((Stamp::Yearless { .. }, rest)) = &stamp {
            self.latest.clear();
            self.latest.extend_from_slice(&bytes[..bytes.len() - rest.len()]);
        }
        // Within a day no year turns: nearly every line of a log is asked no more than this.
        if let (Some((Stamp::Yearless { month, day, secs }, _)), Some(newest)) = (&stamp, &mut self.previous)
            && (*month, *day) == (newest.month, newest.day)
        {
            newest.at.0 += secs - newest.secs;
            newest.secs = *secs;
            return;
        }
        let (month, day, secs) = match stamp {
            Some((Stamp::Yearless { month, day, secs }, _)) => (month, day, secs),
            Some((stamp, _)) if self.previous.is_some() && self.dated.is_none() => {
                // A zone more or less is within the day of grace.
                self.dated = Clock::new(Zone::utc()).time(&stamp).ok();
                return;
            }
            _ => return,
        };
        let at = YearSecs::new(month, day, secs);
        let turn = self.previous.map_or(0, |newest| at.turn_since(newest.at));
        if turn < 0 {
            // It is not where the scan stands.
            self.latest.clear();
            return;
        }
        self.turns += turn;
        self.previous = Some(Newest { at, month, day, secs });
        if (month, day) == (2, 29) && self.leap_days.last() != Some(&self.turns) {
            self.leap_days.push(self.turns);
        }
    }

    /// The latest year of the first stamp that puts the last one at or before `modified` plus one day and
    /// makes every date exist (SEMANTICS R13). None when no stamp lacks a year.
    pub fn first_year(&self, zone: &Zone, modified: Time) -> Option<i32> {
        let Newest { month, day, secs, .. } = self.previous?;
        let is_plausible = |dated: &Time| (0..i64::from(YEARS_BACK) * YEAR_SECS).contains(&modified.secs_since(*dated));
        let modified = self.dated.filter(is_plausible).unwrap_or(modified);
        let latest = zone.local(modified.plus_secs(DAY_SECS));
        let latest_year = chrono::DateTime::from_timestamp(latest, 0)?.year();
        (latest_year - YEARS_BACK..=latest_year).rev().map(|last_year| last_year - self.turns).find(|first_year| {
            let has_leap_days =
                self.leap_days.iter().all(|turn| NaiveDate::from_ymd_opt(first_year + turn, 2, 29).is_some());
            has_leap_days && wall(first_year + self.turns, month, day, secs).is_some_and(|last| last <= latest)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> Time {
        Time(text.parse::<chrono::DateTime<chrono::Utc>>().expect("RFC 3339").timestamp())
    }

    fn berlin() -> Zone {
        let from = utc("2020-01-01T00:00:00Z");
        let span = mailtally_model::Span::new(from, utc("2030-01-01T00:00:00Z"));
        Zone::probe("Europe/Berlin", span, |t| {
            use chrono::{Offset, TimeZone};
            let at = chrono::DateTime::from_timestamp(t.0, 0).expect("in range").naive_utc();
            chrono_tz::Europe::Berlin.offset_from_utc_datetime(&at).fix().local_minus_utc()
        })
    }

    #[track_caller]
    fn check(stamp: &str, expected: &str) {
        let line = format!("{stamp} mx1 a: b");
        let (stamp, _) = Stamp::parse(line.as_bytes()).expect("a stamp");
        assert_eq!(Clock::new(Zone::utc()).time(&stamp), Ok(utc(expected)), "{line}");
    }

    /// FAULTS 60, 64.
    #[test]
    fn iso_stamps_are_cut_to_whole_seconds() {
        check("2026-03-02T00:13:07.999999999+01:00", "2026-03-01T23:13:07Z");
        check("2026-03-02T00:13:07+05:45", "2026-03-01T18:28:07Z");
        check("2026-03-02T00:13:07.5-0330", "2026-03-02T03:43:07Z");
        check("2026-03-02T00:13:07Z", "2026-03-02T00:13:07Z");
        check("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
        check("2026-03-02 00:13:07.123", "2026-03-02T00:13:07Z");
        check("Mon Mar  2 00:13:07 2026 -> ", "2026-03-02T00:13:07Z");
    }

    #[test]
    fn tai64n_counts_seconds_since_1970_and_ten() {
        check("@400000004c91b044077a9e94", "2010-09-16T05:50:50Z");
        check("@400000000000000a00000000", "1970-01-01T00:00:00Z");
        assert_eq!(micros(b"@400000004c91b044077a9e94 imap-login: x"), 125_476);
        for (stamp, expected) in [
            // Before 1970, and after the year 9999.
            ("@3fffffffffffffff00000000", Some(Err(NotALine::BadStamp))),
            ("@400000ffffffffff00000000", Some(Err(NotALine::BadStamp))),
            ("@400000004C91B044077A9E94", None),
            ("@400000004c91b044077a9e", None),
        ] {
            let line = format!("{stamp} mx1 a: b");
            let parsed = Stamp::parse(line.as_bytes()).map(|(stamp, _)| Clock::new(Zone::utc()).time(&stamp));
            assert_eq!(parsed, expected, "{line}");
        }
    }

    /// Some daemons and forwarders write a day below ten without a second space.
    #[test]
    fn a_day_of_one_digit_may_have_one_space_before_it() {
        let stamps = ["Mar 2 00:13:07", "Mar  2 00:13:08", "Mar 12 00:13:09"];
        let expected = ["2026-03-02T00:13:07Z", "2026-03-02T00:13:08Z", "2026-03-12T00:13:09Z"];
        assert_eq!(times(Zone::utc(), 2026, &stamps), expected.map(utc));
        check("Mon Mar 2 00:13:07 2026 -> ", "2026-03-02T00:13:07Z");
    }

    #[test]
    fn millionths_are_told_where_a_stamp_has_them() {
        for (line, expected) in [
            ("2026-03-02T00:13:07.999999999+01:00 mx1 a: b", 999_999),
            ("2026-03-02 00:13:07.5 mx1 a: b", 500_000),
            ("2026-03-02T00:13:07Z mx1 a: b.5", 0),
            ("Mar  2 00:13:07 mx1 a: b", 0),
        ] {
            assert_eq!(micros(line.as_bytes()), expected, "{line}");
        }
    }

    fn times(zone: Zone, year: i32, stamps: &[&str]) -> Vec<Time> {
        let mut clock = Clock::new(zone);
        clock.set_year(year);
        let time = |stamp: &&str| {
            let line = format!("{stamp} mx1 a: b");
            clock.time(&Stamp::parse(line.as_bytes()).expect("a stamp").0).expect("a time")
        };
        stamps.iter().map(time).collect()
    }

    /// FAULTS 58: also a late line of the old year after the turn.
    #[test]
    fn the_year_turns_by_order() {
        let stamps = ["Dec 31 23:59:58", "Jan  1 00:00:01", "Dec 31 23:59:59", "Jan  1 00:00:02", "Feb 29 00:00:00"];
        let expected = ["2023-12-31T23:59:58Z", "2024-01-01T00:00:01Z", "2023-12-31T23:59:59Z", "2024-01-01T00:00:02Z"];
        let times = times(Zone::utc(), 2023, &stamps);
        assert_eq!(times[..4], expected.map(utc));
        assert_eq!(times[4], utc("2024-02-29T00:00:00Z"));
    }

    #[test]
    fn a_grown_file_goes_on_in_its_year() {
        let mut clock = Clock::new(Zone::utc());
        clock.resume(utc("2023-12-31T23:59:58Z"));
        let (stamp, _) = Stamp::parse(b"Jan  1 00:00:01 mx1 a: b").expect("a stamp");
        assert_eq!(clock.time(&stamp), Ok(utc("2024-01-01T00:00:01Z")));
    }

    // FAULTS 58, 64: a log whose daemon was told to write the other style.
    #[test]
    fn a_log_that_changes_its_style_keeps_its_year() {
        let utc_times = |stamps: &[&str], year: Option<i32>| -> Vec<Option<Time>> {
            let mut clock = Clock::new(Zone::utc());
            year.into_iter().for_each(|year| clock.set_year(year));
            let parse = |stamp: &&str| clock.time(&Stamp::parse(format!("{stamp} mx1 a: b").as_bytes())?.0).ok();
            stamps.iter().map(parse).collect()
        };
        let at = |texts: &[&str]| texts.iter().map(|text| Some(utc(text))).collect::<Vec<_>>();
        let stamps = ["2025-12-31T23:59:58Z", "Dec 31 23:59:59", "Jan  1 00:00:01"];
        let expected = at(&["2025-12-31T23:59:58Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"]);
        assert_eq!(utc_times(&stamps, None), expected);
        let stamps = ["Dec 31 23:59:58", "2026-06-30T00:00:00Z", "Jul  1 00:00:01"];
        let expected = at(&["2025-12-31T23:59:58Z", "2026-06-30T00:00:00Z", "2026-07-01T00:00:01Z"]);
        assert_eq!(utc_times(&stamps, Some(2025)), expected);
        let stamps = ["Dec 31 23:59:58", "9999-06-30T00:00:00Z", "Jan  1 00:00:01"];
        assert_eq!(utc_times(&stamps, Some(2025))[2], Some(utc("2026-01-01T00:00:01Z")));
        let stamps = ["Nov 20 00:00:00", "2024-11-21T00:00:00Z", "2026-11-21T00:00:00Z"];
        assert_eq!(first_year(&stamps, "2026-11-22T00:00:00Z"), Some(2024));
    }

    #[test]
    fn a_day_that_no_year_has_takes_no_line_its_year() {
        for damaged in ["Nov 99 00:00:00", "Feb 30 00:00:00", "Apr 31 00:00:00", "Nov 22 24:00:00", "Dec  0 00:00:00"] {
            for stamps in [["Nov 22 00:13:48", damaged], [damaged, "Nov 22 00:13:48"]] {
                assert_eq!(first_year(&stamps, "2026-11-23T00:00:00Z"), Some(2026), "{stamps:?}");
            }
        }
    }

    fn first_year(stamps: &[&str], modified: &str) -> Option<i32> {
        let mut scan = YearScan::default();
        for stamp in stamps {
            scan.line(format!("{stamp} mx1 a: b").as_bytes());
        }
        scan.first_year(&Zone::utc(), utc(modified))
    }

    proptest! {
        /// In whatever order stamps come, and whatever lines stand between.
        #[test]
        fn of_lines_of_one_hour_the_last_tells_all(
            stamps in prop::collection::vec(
                prop_oneof![
                    4 => (0..3_usize, 0..2_usize, 8..10_u32, 58..60_u32, 58..62_u32).prop_map(|(month, day, hour, minute, second)| {
                        let (month, day) = (["Jan", "Feb", "Dec"][month], ["29", " 1"][day]);
                        format!("{month} {day} {hour:02}:{minute}:{second}")
                    }),
                    1 => prop::sample::select(vec![
                        "", "x", "Jan  1 09:5", "Jan 1 09:58:59", "2024-02-29T09:58:59Z", "<22>Jan 29 09:59:59", "Jan 29 09:59:5x",
                    ]).prop_map(str::to_owned),
                ],
                0..40,
            ),
        ) {
            let lines: Vec<String> = stamps.iter().map(|stamp| format!("{stamp} mx1 a: b")).collect();
            let (mut each, mut some) = (YearScan::default(), YearScan::default());
            lines.iter().for_each(|line| each.line(line.as_bytes()));
            let mut rest = lines.iter().peekable();
            while let Some(line) = rest.next() {
                some.line(line.as_bytes());
                let alike = std::iter::from_fn(|| rest.next_if(|line| some.is_in_the_same_hour(line.as_bytes())));
                if let Some(last) = alike.last() {
                    some.line(last.as_bytes());
                }
            }
            prop_assert_eq!(format!("{some:?}"), format!("{each:?}"));
        }
    }

    /// FAULTS 58, SEMANTICS R13.
    #[test]
    fn the_year_comes_from_the_time_the_file_was_written() {
        assert_eq!(first_year(&["Nov 22 00:00:00"], "2026-11-22T00:00:10Z"), Some(2026));
        assert_eq!(first_year(&["Nov 23 00:00:00"], "2026-11-22T00:00:00Z"), Some(2026), "a day of grace");
        assert_eq!(first_year(&["Nov 24 00:00:01"], "2026-11-22T00:00:00Z"), Some(2025));
        assert_eq!(first_year(&["Dec 31 23:00:00", "Jan  1 01:00:00"], "2026-01-01T01:00:00Z"), Some(2025));
        assert_eq!(first_year(&["Feb 29 00:00:00", "Mar  1 00:00:00"], "2026-11-22T00:00:00Z"), Some(2024));
        assert_eq!(first_year(&["2026-11-22T00:00:00Z"], "2026-11-22T00:00:00Z"), None);
    }

    /// FAULTS 59: 02:00 to 03:00 occurs twice on 25 October 2026 in Berlin, and is resolved by order.
    #[test]
    fn the_repeated_hour_is_read_by_order() {
        let stamps = ["Oct 25 02:59:59", "Oct 25 02:00:00", "Oct 25 02:30:00", "Oct 25 02:29:50", "Oct 25 03:00:00"];
        let expected = [
            "2026-10-25T00:59:59Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T01:29:50Z",
            "2026-10-25T02:00:00Z",
        ];
        assert_eq!(times(berlin(), 2026, &stamps), expected.map(utc));
    }
}
