//! When things happen: the hours of the day, the days of the week, the seasons and the growth of a year, in UTC.

use chrono::{DateTime, Datelike, Weekday};
use mailtally_model::Time;

use super::page::Moment;
use super::rng::Rng;

pub const DAY_SECS: i64 = 86_400;

/// How something is spread over a day and a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// People at work: from eight to six, with a dip at noon; little at the weekend.
    Office,
    /// People and their machines: mail is written at all hours, but mostly in the day.
    Daytime,
    /// Machines of nobody in particular: always, a little more at night.
    Always,
}

const OFFICE_HOURS: [u32; 24] = [1, 1, 1, 1, 1, 2, 6, 18, 46, 64, 66, 60, 38, 50, 62, 60, 54, 40, 22, 14, 12, 9, 5, 2];
const DAYTIME_HOURS: [u32; 24] =
    [10, 8, 7, 7, 8, 12, 18, 28, 44, 54, 56, 52, 42, 46, 52, 50, 46, 40, 32, 28, 26, 22, 18, 13];
const ALWAYS_HOURS: [u32; 24] =
    [32, 34, 36, 36, 34, 30, 28, 26, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 26, 26, 28, 30, 30];

impl Rhythm {
    fn hours(self) -> &'static [u32; 24] {
        match self {
            Rhythm::Office => &OFFICE_HOURS,
            Rhythm::Daytime => &DAYTIME_HOURS,
            Rhythm::Always => &ALWAYS_HOURS,
        }
    }

    /// How full a day of the week is; a usual working day is 1.
    fn weekday(self, weekday: Weekday) -> f64 {
        match (self, weekday) {
            (Rhythm::Always, _) => 1.0,
            (Rhythm::Office, Weekday::Sat) => 0.16,
            (Rhythm::Office, Weekday::Sun) => 0.12,
            (Rhythm::Daytime, Weekday::Sat) => 0.42,
            (Rhythm::Daytime, Weekday::Sun) => 0.34,
            (_, Weekday::Tue | Weekday::Wed) => 1.06,
            (_, Weekday::Fri) => 0.9,
            (_, Weekday::Mon | Weekday::Thu) => 1.0,
        }
    }

    /// How full a day is, `age_days` after the story's first: weekday, season, and a quarter of growth in the year.
    pub fn fullness(self, midnight: Time, age_days: i64) -> f64 {
        let date = DateTime::from_timestamp(midnight.0, 0).unwrap_or_default();
        let season = match (self, date.month(), date.day()) {
            (Rhythm::Always, ..) => 1.0,
            (_, 12, 23..) | (_, 1, 1..=2) => 0.4,
            (_, 7, 15..) | (_, 8, ..=20) => 0.8,
            _ => 1.0,
        };
        let growth = 0.89 + 0.22 * age_days as f64 / 365.0;
        self.weekday(date.weekday()) * season * growth
    }

    /// A moment of the day, by the hour's weight.
    pub fn moment(self, rng: &mut Rng, midnight: Time) -> Moment {
        let hour = rng.by_weight(self.hours().iter().copied()) as u64;
        Moment::at(midnight).after_secs(hour * 3600).after_micros(rng.within(0..=3_599_999_999))
    }

    /// How busy an hour is against the busiest of the day, smoothed to the minute.
    pub fn busy(self, time: Time) -> f64 {
        let hours = self.hours();
        let minute = time.0.rem_euclid(DAY_SECS) / 60;
        let (hour, part) = ((minute / 60) as usize, (minute % 60) as f64 / 60.0);
        let (now, next) = (f64::from(hours[hour]), f64::from(hours[(hour + 1) % 24]));
        let top = hours.iter().copied().max().map_or(1.0, f64::from);
        (now + (next - now) * part) / top
    }
}

/// The midnight (UTC) that begins the day of an instant.
pub fn midnight(time: Time) -> Time {
    Time(time.0.div_euclid(DAY_SECS) * DAY_SECS)
}
