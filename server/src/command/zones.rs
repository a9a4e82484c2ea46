//! The zone database of the server, as the model's zones.

use anyhow::Result;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use mailtally_model::{Span, Time, Zone};

use super::Usage;

/// A named zone over a span.
pub fn probe(name: &str, span: Span) -> Result<Zone> {
    let tz: Tz =
        name.parse().map_err(|_| Usage(format!("there is no time zone {name:?}: write it as Europe/Berlin")))?;
    Ok(Zone::probe(name, span, |t| offset_secs(tz, t)))
}

/// Seconds east of UTC. Instants outside chrono's calendar have the offset of its edge.
fn offset_secs(tz: Tz, t: Time) -> i32 {
    let edges = (DateTime::<chrono::Utc>::MIN_UTC.timestamp(), DateTime::<chrono::Utc>::MAX_UTC.timestamp());
    let utc = DateTime::from_timestamp(t.0.clamp(edges.0, edges.1), 0).unwrap_or_default();
    tz.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()
}
