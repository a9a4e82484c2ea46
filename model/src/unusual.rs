//! What is unusual: a count against the same weekday, or the same weekday and hour, of the eight weeks before it.
//!
//! Robust: the middle of the past and its spread decide, so that one wild day neither makes the next one look tame nor
//! an ordinary one look wild. Small numbers do not shout: each count has a floor. What was not observed is no past. Knows
//! no store and no clock.

use crate::coverage::{Covered, observed_secs};
use crate::measure::{self, Measure};
use crate::step::Step;
use crate::time::{DAY_SECS, Slot, Span, Time};
use crate::zone::Zone;

/// Weeks looked back: two months, so that a season does not count as usual for the next one.
pub const WEEKS: i64 = 8;
/// A past of fewer weeks says nothing of what is usual.
pub const MIN_WEEKS: usize = 4;
/// From so many spreads above the middle on, a count is unusual. Eight values tell a spread only roughly, and a site
/// makes hundreds of comparisons a day: less would find something every Monday.
const MIN_SCORE: f64 = 6.0;
/// It must also pass what is usual by half.
const MIN_EXCESS: f64 = 1.5;
/// The middle absolute deviation of a normal spread is its standard deviation over this.
const MAD_TO_SPREAD: f64 = 1.4826;
/// A large count varies by a tenth without a reason, however calm the last eight weeks were.
const CALM_SHARE: f64 = 0.1;

const WEEK_SECS: i64 = 7 * DAY_SECS;
const HOUR_SECS: i64 = 3_600;

/// A measure whose jumps are looked for, and its words. Counts alone: bytes have a long tail, and one large attachment
/// would be unusual each day.
#[derive(Debug)]
pub struct Watched {
    pub measure: &'static Measure,
    /// What the subject did, around the number: `sent 840 messages`.
    pub did: (&'static str, &'static str),
    /// Fewer than these in a step are never unusual.
    pub at_least: u64,
}

const fn watched(measure: &'static Measure, before: &'static str, after: &'static str) -> Watched {
    Watched { measure, did: (before, after), at_least: 30 }
}

/// In the order in which jumps of equal score are told.
pub static WATCHED: [Watched; 11] = [
    watched(&measure::OUTGOING, "sent", "messages"),
    watched(&measure::OUTGOING_SPAM, "sent", "messages marked as spam"),
    watched(&measure::BOUNCES, "caused", "bounces"),
    watched(&measure::SMTP_OUT_DEFERRALS, "had", "deliveries put off"),
    watched(&measure::SMTP_IN_AUTH_FAILED, "had", "failed SMTP log-ins"),
    watched(&measure::POP_AUTH_FAILED, "had", "failed POP log-ins"),
    watched(&measure::IMAP_AUTH_FAILED, "had", "failed IMAP log-ins"),
    watched(&measure::POP_CONNECTIONS, "had", "POP connections"),
    watched(&measure::IMAP_CONNECTIONS, "had", "IMAP connections"),
    watched(&measure::INCOMING, "received", "messages"),
    watched(&measure::INCOMING_SPAM, "received", "messages marked as spam"),
];

impl Watched {
    pub fn of(measure: u16) -> Option<&'static Watched> {
        WATCHED.iter().find(|watched| watched.measure.number == measure)
    }

    pub fn by_id(measure: &str) -> Option<&'static Watched> {
        WATCHED.iter().find(|watched| watched.measure.id == measure)
    }
}

/// How far a count stands out of its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The usual range: the past without its lowest and highest week, where there are enough to leave out.
    pub low: u64,
    pub high: u64,
    /// Spreads above the middle of the past.
    pub score: u64,
}

/// A step that stands out, with its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// A whole day, or where the day as such is usual an hour of it.
    pub step: Step,
    pub span: Span,
    /// The day that it lies on begins here.
    pub day: Time,
    pub value: u64,
    pub jump: Jump,
}

/// One subject's counts of one measure, and what was observed of it.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Rising; slots that are absent are zero where they were observed.
    pub slots: &'a [(Slot, u64)],
    /// Of the measure's sources, sorted and disjoint.
    pub coverage: &'a [Covered],
    /// When the subject was first seen: before it there is no past, not a past of zeros.
    pub born: Time,
}

/// Whether `value` stands out of its past, and how far. Only jumps upwards: what stops is a matter for coverage.
pub fn judge(value: u64, past: &[u64], at_least: u64) -> Option<Jump> {
    if value < at_least || past.len() < MIN_WEEKS {
        return None;
    }
    let mut past = past.to_vec();
    past.sort_unstable();
    let middle = median(&past);
    let mut apart: Vec<u64> = past.iter().map(|count| (*count as f64 - middle).abs().round() as u64).collect();
    apart.sort_unstable();
    // Chance alone spreads a count by its root (Poisson).
    let spread = (MAD_TO_SPREAD * median(&apart)).max(middle.sqrt()).max(CALM_SHARE * middle).max(1.0);
    let score = (value as f64 - middle) / spread;
    let left_out = usize::from(past.len() >= MIN_WEEKS + 2);
    let (low, high) = (past[left_out], past[past.len() - 1 - left_out]);
    let stands_out = score >= MIN_SCORE && value as f64 > MIN_EXCESS * high as f64;
    stands_out.then_some(Jump { low, high, score: score as u64 })
}

/// The steps of `span` that stand out, at most one on each day of the zone: the day itself, else its wildest hour. A day
/// that is not over is held against whole ones, so that it stands out as soon as it does and never too early.
pub fn find(history: &History<'_>, span: Span, zone: &Zone, at_least: u64) -> Vec<Found> {
    let sums = Sums::new(history.slots);
    let days = Step::Day.edges(span, zone);
    let day = |edges: &[Time]| {
        let day = Span::new(edges[0], edges[1]);
        // No hour has more than its day.
        if sums.within(day) < at_least {
            return None;
        }
        let look = |step: Step, span: Span| {
            let value = sums.within(span);
            // Asked first: nearly no hour of a mailbox has so many, and its past is eight more sums.
            if value < at_least {
                return None;
            }
            let jump = judge(value, &past(history, &sums, span, zone), at_least)?;
            Some(Found { step, span, day: day.from, value, jump })
        };
        look(Step::Day, day).or_else(|| {
            let hours = Step::Hour.edges(day, zone);
            let hours = hours.windows(2).filter_map(|edges| look(Step::Hour, Span::new(edges[0], edges[1])));
            hours.max_by_key(|found| found.jump.score)
        })
    };
    days.windows(2).filter_map(day).collect()
}

/// Whether so much was observed that anything in it can stand out of its past: [`MIN_WEEKS`] that are a week apart.
pub fn has_past(coverage: &[Covered]) -> bool {
    let ends = coverage.first().zip(coverage.last());
    // A day less than the weeks: clocks change.
    ends.is_some_and(|(first, last)| {
        last.span.until.secs_since(first.span.from) > (MIN_WEEKS as i64 - 1) * WEEK_SECS - DAY_SECS
    })
}

/// How far back from an instant its past reaches.
pub fn reach(from: Time) -> Time {
    // A day more than the weeks: clocks change.
    from.plus_secs(-WEEKS * WEEK_SECS - DAY_SECS)
}

/// How far ahead an instant is part of another one's past.
pub fn outreach(until: Time) -> Time {
    until.plus_secs(WEEKS * WEEK_SECS + DAY_SECS)
}

/// The same stretch of the wall clock in the weeks before, where it was observed whole.
fn past(history: &History<'_>, sums: &Sums<'_>, span: Span, zone: &Zone) -> Vec<u64> {
    let wall_secs = if span.secs() > HOUR_SECS { DAY_SECS } else { HOUR_SECS };
    let local = zone.local(span.from);
    let same = (1..=WEEKS).map(|week| {
        let began = local - week * WEEK_SECS;
        Span::new(zone.instant(began), zone.instant(began + wall_secs))
    });
    same.filter(|same| same.from >= history.born && is_observed(history.coverage, *same))
        .map(|same| sums.within(same))
        .collect()
}

fn is_observed(coverage: &[Covered], span: Span) -> bool {
    let first = coverage.partition_point(|covered| covered.span.until <= span.from);
    let until = coverage.partition_point(|covered| covered.span.from < span.until);
    let Some(meeting) = coverage.get(first..until) else { return false };
    observed_secs(meeting, span) == span.secs() && meeting.iter().all(|covered| covered.missing_hosts == 0)
}

/// Sums over any stretch, from running totals.
struct Sums<'a> {
    slots: &'a [(Slot, u64)],
    /// `totals[i]` is the sum of the first `i` slots.
    totals: Vec<u64>,
}

impl Sums<'_> {
    fn new(slots: &[(Slot, u64)]) -> Sums<'_> {
        let mut totals = Vec::with_capacity(slots.len() + 1);
        totals.push(0_u64);
        let mut sum = 0_u64;
        totals.extend(slots.iter().map(|(_, value)| {
            sum = sum.saturating_add(*value);
            sum
        }));
        Sums { slots, totals }
    }

    fn within(&self, span: Span) -> u64 {
        let before = |time: Time| self.totals[self.slots.partition_point(|(slot, _)| slot.start() < time)];
        before(span.until).saturating_sub(before(span.from))
    }
}

/// The middle of sorted values; of an even number the mean of the two in the middle.
fn median(sorted: &[u64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len().is_multiple_of(2) => (sorted[half - 1] as f64 + sorted[half] as f64) / 2.0,
        _ => sorted[half] as f64,
    }
}

#[cfg(test)]
mod tests;
