//! The person's range as instants: which dates, in which zone, from when until when.
//!
//! Plain values; the clock and the zone's offsets come in as arguments or from [`crate::intl`].

use chrono::{Datelike, NaiveDate};
use mailtally_model::time::DAY_SECS;
use mailtally_model::{Span, Step, Time, Zone};

use crate::format::Years;
use crate::intl;
use crate::range::{self, Dates, Range};
use crate::state::ZoneChoice;

/// What a range comes to, now and here.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub today: NaiveDate,
    pub dates: Dates,
    /// Its offsets are right for the range and the quarters at its ends.
    pub zone: Zone,
    /// The inclusive dates as a half-open span.
    pub span: Span,
}

impl Window {
    /// The zone over another span, which may lie anywhere: [`Window::zone`] knows its offsets around the range alone.
    pub fn zone_over(&self, span: Span) -> Zone {
        intl::zone(&self.zone.name, span)
    }

    /// Years are understood while all dates lie in the current one.
    pub fn years(&self) -> Years {
        let this_year = |date: NaiveDate| date.year() == self.today.year();
        if this_year(self.dates.first) && this_year(self.dates.last) { Years::Understood } else { Years::Shown }
    }
}

/// How far beyond the range a zone's offsets are needed: the quarter that the first or last date lies in, and a day.
const ZONE_MARGIN_SECS: i64 = 100 * DAY_SECS;

/// The name that Intl takes for a choice; the browser's where the server's is not known yet or Intl knows no such zone.
pub fn zone_name(choice: &ZoneChoice, server: Option<&str>) -> String {
    let name = match choice {
        ZoneChoice::Browser => None,
        ZoneChoice::Server => server,
        ZoneChoice::Named(name) => Some(name.as_str()),
    };
    name.filter(|name| intl::is_zone(name)).map_or_else(intl::browser_zone, str::to_owned)
}

/// The dates and instants of a range.
pub fn window(range: Range, zone_name: &str, now: Time) -> Window {
    let today = range::date_at(now.0 + i64::from(intl::offset_secs(zone_name, now))).unwrap_or_default();
    let dates = range.dates(today);
    let around = Span::new(
        Time(range::midnight_secs(dates.first) - ZONE_MARGIN_SECS),
        Time(range::midnight_secs(dates.last) + ZONE_MARGIN_SECS),
    );
    let zone = intl::zone(zone_name, around);
    let span = dates.span(&zone);
    Window { today, dates, zone, span }
}

/// The step of a range where none was chosen: a day by hours, since one row is no Trend.
pub fn natural_step(window: &Window) -> Step {
    if window.dates.first == window.dates.last { Step::Hour } else { Step::Day }
}

/// The step asked for if the range offers it, else the nearest finer one, else the nearest coarser one.
pub fn step_offered(asked: Option<Step>, window: &Window) -> Step {
    let asked = asked.unwrap_or_else(|| natural_step(window));
    let offered = |step: &Step| step.offered(window.span, &window.zone).is_ok();
    let finer = Step::ALL.into_iter().filter(|step| *step <= asked).rev();
    let coarser = Step::ALL.into_iter().filter(|step| *step > asked);
    finer.chain(coarser).find(offered).unwrap_or(asked)
}
