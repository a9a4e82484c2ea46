//! The story in order: what happens how often, day after day, from the first line to the last and on from there.

use mailtally_model::Time;

use super::figures;
use super::filters;
use super::inbound;
use super::incidents::Incidents;
use super::mail;
use super::outbound;
use super::page::Moment;
use super::rhythm::{DAY_SECS, Rhythm, midnight};
use super::rng::Rng;
use super::scribe::Scribe;
use super::sessions;
use super::strangers;
use super::throttle;
use crate::host;

/// How long the story is.
pub const DAYS: i64 = 365;
/// The size of the story that [`KINDS`] is written for.
const LINES: f64 = 1_000_000.0;
/// One sample each five minutes makes a tenth of the lines; a smaller story has fewer.
const SAMPLE_SECS: i64 = 300;
/// The longest period of a sample, and how often the live story has one.
const LONGEST_SAMPLE_SECS: i64 = 3_600;
const LIVE_SAMPLE_SECS: i64 = 10;

/// What the story is made from: the same plan is the same story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    /// About how many lines.
    pub lines: u64,
    /// When the written story ends and the live one begins.
    pub until: Time,
}

impl Plan {
    pub fn begins(&self) -> Time {
        midnight(self.until).plus_secs(-DAYS * DAY_SECS)
    }

    fn scale(&self) -> f64 {
        self.lines as f64 / LINES
    }

    /// A whole number of five minutes, so that periods end on the edges of slots.
    fn sample_secs(&self) -> i64 {
        let stretched = (1.0 / self.scale().max(f64::MIN_POSITIVE)).floor().clamp(1.0, 12.0) as i64;
        (SAMPLE_SECS * stretched).min(LONGEST_SAMPLE_SECS)
    }
}

/// What happens less often than so keeps happening in a small story: its scale is never below this.
const RARE_A_DAY: f64 = 2.0;
const RARE_SCALE: f64 = 0.3;

/// Something that happens again and again.
struct Kind {
    /// How often on a usual working day, in a story of a million lines.
    a_day: f64,
    rhythm: Rhythm,
    happens: fn(&mut Scribe, Moment, &Incidents),
}

/// Its order is part of the story: chance is drawn by position.
const KINDS: &[Kind] = &[
    Kind {
        a_day: 104.0,
        rhythm: Rhythm::Daytime,
        happens: |s, at, sky| inbound::message(s, at, sky.filters(at.time())),
    },
    Kind {
        a_day: 48.0,
        rhythm: Rhythm::Office,
        happens: |s, at, sky| outbound::message(s, at, sky.filters(at.time())),
    },
    Kind { a_day: 110.0, rhythm: Rhythm::Daytime, happens: |s, at, _| sessions::pop(s, at) },
    Kind { a_day: 100.0, rhythm: Rhythm::Office, happens: |s, at, _| sessions::imap(s, at) },
    Kind { a_day: 62.0, rhythm: Rhythm::Always, happens: |s, at, _| strangers::visit(s, at) },
    Kind { a_day: 14.0, rhythm: Rhythm::Always, happens: |s, at, _| sessions::knock(s, at) },
    Kind { a_day: 1.0, rhythm: Rhythm::Always, happens: |s, at, _| mail::cron_report(s, at) },
    Kind {
        a_day: 0.4,
        rhythm: Rhythm::Office,
        happens: |s, at, sky| throttle::newsletter(s, at, sky.filters(at.time())),
    },
    Kind { a_day: 0.3, rhythm: Rhythm::Always, happens: |s, at, _| throttle::bounce_flood(s, at) },
    // spamd is started anew to load its rules.
    Kind { a_day: 0.3, rhythm: Rhythm::Always, happens: |s, at, _| _ = filters::spamc_in_vain(s, at) },
];

/// The story, told so far up to some instant.
#[derive(Debug)]
pub struct Year {
    plan: Plan,
    incidents: Incidents,
    scribe: Scribe,
    /// The first day that nothing was made up for yet.
    next_day: Time,
    next_sample: Time,
    sample_secs: i64,
}

impl Year {
    pub fn new(plan: Plan) -> Year {
        let begins = plan.begins();
        let mut scribe = Scribe::new(Rng::of(plan.seed, &[]));
        mail::start_up(&mut scribe, Moment::at(begins));
        let sample_secs = plan.sample_secs();
        Year {
            plan,
            incidents: Incidents::before(plan.until),
            scribe,
            next_day: begins,
            next_sample: begins.plus_secs(sample_secs),
            sample_secs,
        }
    }

    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// Tells on, in order, up to `until`.
    pub fn tell_until(&mut self, until: Time, out: &mut String) {
        while self.next_day < until {
            self.make_up(self.next_day);
            self.next_day = self.next_day.plus_secs(DAY_SECS);
        }
        while self.next_sample < until {
            self.sample(self.next_sample, self.sample_secs);
            self.next_sample = self.next_sample.plus_secs(self.sample_secs);
        }
        let incidents = self.incidents;
        self.scribe.page.take_until(Moment::at(until), |time| incidents.is_kept(time), out);
    }

    /// From here on the host is sampled as a live one is.
    pub fn go_live(&mut self, now: Time) {
        self.sample_secs = LIVE_SAMPLE_SECS;
        self.next_sample = now.plus_secs(LIVE_SAMPLE_SECS);
    }

    /// All that begins on a day; what it leads to may come days later.
    fn make_up(&mut self, day: Time) {
        let age_days = self.age_days(day);
        for (position, kind) in KINDS.iter().enumerate() {
            self.scribe.rng = Rng::of(self.plan.seed, &[day.0 as u64, position as u64]);
            let scale = if kind.a_day < RARE_A_DAY { self.plan.scale().max(RARE_SCALE) } else { self.plan.scale() };
            let mean = kind.a_day * scale * kind.rhythm.fullness(day, age_days);
            for _ in 0..self.scribe.rng.about(mean) {
                let at = kind.rhythm.moment(&mut self.scribe.rng, day);
                (kind.happens)(&mut self.scribe, at, &self.incidents);
            }
        }
        self.scribe.rng = Rng::of(self.plan.seed, &[day.0 as u64, KINDS.len() as u64]);
        self.incidents.play(&mut self.scribe, day, self.plan.scale());
    }

    fn sample(&mut self, at: Time, period_secs: i64) {
        let sample =
            figures::sample(self.plan.seed, at, self.age_days(at), period_secs as u64 * 1_000, &self.incidents);
        // A moment before the edge, so that the period lies in the slots it tells of.
        let at = Moment::at(at.plus_secs(-1)).after_ms(990);
        self.scribe.page.say(at, format_args!("{}", host::PROGRAM), format_args!("{sample}"));
    }

    fn age_days(&self, at: Time) -> i64 {
        at.secs_since(self.plan.begins()) / DAY_SECS
    }
}
