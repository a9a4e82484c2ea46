//! What the tests of this crate share: instants and spans written as people write them, and real zones.

use chrono::{DateTime, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::time::{Span, Time};
use crate::zone::Zone;

/// An instant from RFC 3339.
pub(crate) fn utc(text: &str) -> Time {
    Time(DateTime::parse_from_rfc3339(text).expect(text).timestamp())
}

/// Both days and all between, in the zone.
pub(crate) fn days(first: &str, last: &str, zone: &Zone) -> Span {
    let date = |text: &str| text.parse::<NaiveDate>().expect(text);
    let midnight = |date: NaiveDate| zone.instant(date.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp());
    Span::new(midnight(date(first)), midnight(date(last).succ_opt().expect("a next day")))
}

pub(crate) fn offset_of(tz: Tz, t: Time) -> i32 {
    let at = DateTime::from_timestamp(t.0, 0).expect("in range").naive_utc();
    tz.offset_from_utc_datetime(&at).fix().local_minus_utc()
}

/// A zone of the database, probed over 2010 to 2030.
pub(crate) fn zone(name: &str) -> Zone {
    zone_over(name, Span::new(utc("2010-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z")))
}

pub(crate) fn zone_over(name: &str, span: Span) -> Zone {
    let tz: Tz = name.parse().expect(name);
    Zone::probe(name, span, |t| offset_of(tz, t))
}
