//! In which log time each host was observed.
//!
//! From the first to the last stamp of its lines; a silence over all of them that is longer than `silence_gap_hours` was not
//! observed, and neither was what a daemon says it dropped. A shorter silence is a true zero.

use mailtally_model::{Family, Slot, Span, Time};
use rustc_hash::FxHashMap;

use crate::batch::Batch;
use crate::syslog::Line;
use crate::text::{Parsed, is_same};
use crate::{host, log_daemon};

/// Hosts kept apart. A site has tens; beyond this they are names from outside, and count without coverage of their own.
const MAX_HOSTS: usize = 1_000;
/// A notice of loss says when dropping ended; what it began with is no older than this, or that notice was lost too.
const MAX_DROP_SECS: i64 = 3_600;
/// journald says at the end of an interval what it dropped in it; this is the interval where nothing else is set.
const JOURNALD_INTERVAL_SECS: i64 = 30;

pub struct Observed {
    silence_gap_secs: i64,
    hosts: Vec<(String, Host)>,
    /// Where in `hosts` each stands.
    places: FxHashMap<String, usize>,
    latest: Option<Latest>,
}

/// The host of the line before.
struct Latest {
    host: String,
    /// Where in `hosts` it stands.
    place: usize,
    /// The second of that line, if it spoke for everything that the host logs.
    told: Option<Time>,
}

#[derive(Default)]
struct Host {
    logs: Stretches,
    exim: Stretches,
    dovecot: Stretches,
    clamd: Stretches,
    spamd: Stretches,
    samples: Stretches,
    /// The newest slot that a line stood in.
    slot: Option<Slot>,
    last: Option<Time>,
    /// The syslog daemon began to drop messages.
    dropping_since: Option<Time>,
}

/// Which daemons a line speaks for.
enum Of {
    /// Everything that the host logs.
    Logs,
    Exim,
    Dovecot,
    Clamd,
    Spamd,
    Samples,
    /// A daemon's own file that is no family's.
    Nothing,
}

impl Of {
    fn line(line: &Line<'_>) -> Of {
        if line.program == host::PROGRAM.as_bytes() {
            return Of::Samples;
        }
        match (line.own_file, line.program) {
            (false, _) => Of::Logs,
            (true, b"exim") => Of::Exim,
            (true, b"dovecot") => Of::Dovecot,
            (true, b"clamd") => Of::Clamd,
            (true, b"spamd" | b"rspamd") => Of::Spamd,
            (true, _) => Of::Nothing,
        }
    }
}

impl Observed {
    pub fn new(silence_gap_secs: i64) -> Observed {
        Observed { silence_gap_secs, hosts: Vec::new(), places: FxHashMap::default(), latest: None }
    }

    pub fn silence_gap_secs(&self) -> i64 {
        self.silence_gap_secs
    }

    /// A line was read. Gives its time when it is the host's first or stands in a later slot than any before.
    pub fn line(&mut self, line: &Line<'_>, batch: &mut Batch) -> Option<Time> {
        let gap_secs = self.silence_gap_secs;
        // Lines of one host follow each other.
        if self.latest.as_ref().is_none_or(|latest| !is_same(latest.host.as_bytes(), line.host.as_bytes())) {
            self.latest = Some(Latest { host: line.host.to_owned(), place: self.place(line.host)?, told: None });
        }
        let Some(latest) = &mut self.latest else { return None };
        let host = &mut self.hosts[latest.place].1;
        if let Some(Parsed::Fact(notice)) = log_daemon::parse(line.program, line.message) {
            batch.gaps.push((line.host.to_owned(), host.dropped(notice, line.time)));
        }
        let of = Of::line(line);
        let told = matches!(of, Of::Logs).then_some(line.time);
        // Lines of one second follow each other, too, and the first has told all.
        if told.is_some() && told == latest.told {
            return None;
        }
        latest.told = told;
        let second = Span::new(line.time, line.time.plus_secs(1));
        match of {
            Of::Logs => host.logs.add(second, gap_secs),
            Of::Exim => host.exim.add(second, gap_secs),
            Of::Dovecot => host.dovecot.add(second, gap_secs),
            Of::Clamd => host.clamd.add(second, gap_secs),
            Of::Spamd => host.spamd.add(second, gap_secs),
            Of::Samples => {
                let period_secs = host::parse(line.message).map_or(0, |sample| sample.period_ms.div_ceil(1000));
                let from = line.time.plus_secs(-i64::try_from(period_secs).unwrap_or(0));
                host.samples.add(Span::new(from, line.time), 0);
            }
            Of::Nothing => {}
        }
        host.last = host.last.max(Some(line.time));
        let slot = line.time.slot();
        let is_new = host.slot.is_none_or(|newest| slot > newest);
        host.slot = host.slot.max(Some(slot));
        is_new.then_some(line.time)
    }

    /// Where in `hosts` a host stands; none for a new one where there are too many.
    fn place(&mut self, name: &str) -> Option<usize> {
        match self.places.get(name) {
            Some(place) => Some(*place),
            None if self.hosts.len() >= MAX_HOSTS => None,
            None => {
                self.hosts.push((name.to_owned(), Host::default()));
                self.places.insert(name.to_owned(), self.hosts.len() - 1);
                Some(self.hosts.len() - 1)
            }
        }
    }

    /// The time up to which each host's lines have come.
    pub fn last_of_each(&self) -> Vec<(String, Time)> {
        let mut all: Vec<_> = self.hosts.iter().filter_map(|(name, host)| Some((name.clone(), host.last?))).collect();
        all.sort();
        all
    }

    /// Hands over what was observed since the last time.
    pub fn write(&mut self, batch: &mut Batch) {
        for (name, host) in &mut self.hosts {
            for (families, stretches) in [
                (&Family::LOGS[..], &mut host.logs),
                // What moves mail is one family, whatever its make.
                (&[Family::Postfix], &mut host.exim),
                (&[Family::Dovecot], &mut host.dovecot),
                (&[Family::ClamAv], &mut host.clamd),
                (&[Family::SpamAssassin], &mut host.spamd),
                (&[Family::Host], &mut host.samples),
            ] {
                for span in stretches.take() {
                    batch.coverage.extend(families.iter().map(|family| (*family, name.clone(), span)));
                }
            }
        }
    }
}

impl Host {
    /// When a log daemon dropped what other daemons sent too fast, by its notice.
    fn dropped(&mut self, notice: log_daemon::Fact, now: Time) -> Span {
        use log_daemon::Fact;
        let from = match notice {
            Fact::DropsFromHere => {
                self.dropping_since = Some(now);
                now
            }
            Fact::Dropped => {
                let since = self.dropping_since.take().filter(|since| now.secs_since(*since) <= MAX_DROP_SECS);
                since.unwrap_or(now)
            }
            Fact::DroppedWithinInterval => now.plus_secs(-JOURNALD_INTERVAL_SECS),
            Fact::DropsNow => now,
        };
        Span::new(from, now.plus_secs(1))
    }
}

/// Stretches of time, most often one that grows at its end.
#[derive(Default)]
struct Stretches {
    current: Option<Span>,
    done: Vec<Span>,
}

impl Stretches {
    /// Joins `span` to the current stretch if it is no farther away than `slack_secs`.
    fn add(&mut self, span: Span, slack_secs: i64) {
        let Some(current) = &mut self.current else {
            self.current = Some(span);
            return;
        };
        let is_near =
            span.from.secs_since(current.until) <= slack_secs && current.from.secs_since(span.until) <= slack_secs;
        if is_near {
            *current = Span::new(current.from.min(span.from), current.until.max(span.until));
        } else {
            self.done.push(*current);
            *current = span;
        }
    }

    /// What was observed; the last second stays, so that what comes next is joined to it.
    fn take(&mut self) -> Vec<Span> {
        let mut all = std::mem::take(&mut self.done);
        if let Some(current) = &mut self.current {
            all.push(*current);
            current.from = current.until.plus_secs(-1).max(current.from);
        }
        all.retain(|span| !span.is_empty());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn line<'a>(time: i64, program: &'a str, message: &'a str, own_file: bool) -> Line<'a> {
        let (program, message) = (program.as_bytes(), message.as_bytes());
        Line { time: Time(time), host: "mx1", program, pid: None, message, times: 1, own_file }
    }

    /// What is observed of a family, as seconds.
    fn check(lines: &[Line<'_>], family: Family, expected: &[(i64, i64)]) {
        let mut observed = Observed::new(6 * HOUR);
        let mut batch = Batch::default();
        for line in lines {
            observed.line(line, &mut batch);
        }
        observed.write(&mut batch);
        let spans = batch.coverage.iter().filter(|(of, ..)| *of == family);
        let spans: Vec<(i64, i64)> = spans.map(|(_, _, span)| (span.from.0, span.until.0)).collect();
        assert_eq!(spans, expected);
    }

    #[test]
    fn a_short_silence_is_observed_and_a_long_one_is_not() {
        let at = |time| line(time, "postfix/qmgr", "", false);
        let lines = [at(0), at(5 * HOUR), at(12 * HOUR), at(12 * HOUR + 1)];
        check(&lines, Family::Postfix, &[(0, 5 * HOUR + 1), (12 * HOUR, 12 * HOUR + 2)]);
        check(&lines, Family::Dovecot, &[(0, 5 * HOUR + 1), (12 * HOUR, 12 * HOUR + 2)]);
        check(&lines, Family::Host, &[]);
    }

    #[test]
    fn a_file_of_its_own_speaks_for_its_daemon_alone() {
        let lines = [line(0, "dovecot", "", true), line(9, "dovecot", "", true)];
        check(&lines, Family::Dovecot, &[(0, 10)]);
        check(&lines, Family::Postfix, &[]);
        check(&[line(3, "clamd", "", true)], Family::ClamAv, &[(3, 4)]);
        check(&[line(3, "rspamd", "", true)], Family::SpamAssassin, &[(3, 4)]);
        check(&[line(3, "exim", "", true)], Family::Postfix, &[(3, 4)]);
        check(&[line(3, "exim", "", true)], Family::Dovecot, &[]);
    }

    #[test]
    fn a_sample_is_observed_over_its_period() {
        let at = |time| line(time, host::PROGRAM, "period_ms=10000 cpu_ms=5", false);
        check(&[at(10), at(20), at(60)], Family::Host, &[(0, 20), (50, 60)]);
        check(&[at(10)], Family::Postfix, &[]);
    }

    #[test]
    fn what_the_syslog_daemon_dropped_is_a_gap() {
        let mut observed = Observed::new(6 * HOUR);
        let mut batch = Batch::default();
        let begin = "imuxsock[pid: 18366, name: smtpd] from <mx1:postfix>: begin to drop messages due to rate-limiting";
        let end = "imuxsock[pid: 18366]: 111 messages lost due to rate-limiting (200 allowed within 5 seconds)";
        observed.line(&line(100, "rsyslogd", begin, false), &mut batch);
        observed.line(&line(130, "rsyslogd", end, false), &mut batch);
        assert_eq!(batch.gaps.last(), Some(&("mx1".to_owned(), Span::new(Time(100), Time(131)))));
    }

    #[test]
    fn what_journald_and_syslog_ng_dropped_is_a_gap() {
        let gaps = |program: &'static str, message: &'static str| {
            let mut batch = Batch::default();
            Observed::new(6 * HOUR).line(&line(100, program, message, false), &mut batch);
            batch.gaps.into_iter().map(|(_, gap)| (gap.from.0, gap.until.0)).collect::<Vec<_>>()
        };
        assert_eq!(gaps("systemd-journald", "Suppressed 64 messages from postfix@-.service"), [(70, 101)]);
        assert_eq!(gaps("journal", "Suppressed 7124 messages from /system.slice/dovecot.service"), [(70, 101)]);
        assert_eq!(gaps("systemd-journald", "Suppressed 64 messages from cron.service"), []);
        assert_eq!(gaps("postfix/smtpd", "Suppressed 64 messages from postfix.service"), []);
        let full = "Destination queue full, dropping messages; queue_len='10000', mem_fifo_size='10000', count='4'";
        assert_eq!(gaps("syslog-ng", full), [(100, 101)]);
    }
}
