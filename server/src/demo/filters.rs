//! SpamAssassin and ClamAV at work, called by milters while the client waits: spamass-milter runs `spamc`, which asks
//! `spamd`, and then clamav-milter streams the message to clamd. Both on a good day and on a bad one.

use super::cast::{HAM_RULES, SPAM_RULES};
use super::page::Moment;
use super::scribe::Scribe;

/// The user that spamass-milter scans as.
const SCAN_UID: u32 = 114;
const REQUIRED_SCORE: f64 = 5.0;
/// spamc's own default of `--connect-retries`.
const SPAMC_TRIES: u32 = 3;

/// What the filters find in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Clean,
    /// Tagged and delivered all the same.
    Spam,
    /// So bad that the milter refuses it.
    Refused,
    Virus,
}

/// Whether the filters can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    Up,
    Down,
}

/// One message through both filters; returns when they are done.
pub fn scan(s: &mut Scribe, at: Moment, filters: Filters, finding: Finding, message_id: &str, size: u64) -> Moment {
    match filters {
        Filters::Up => {
            let at = spamd(s, at, finding, message_id, size);
            clamd(s, at, finding)
        }
        Filters::Down => {
            let at = spamc_in_vain(s, at);
            clamd_in_vain(s, at)
        }
    }
}

fn spamd(s: &mut Scribe, at: Moment, finding: Finding, message_id: &str, size: u64) -> Moment {
    let pid = s.pid();
    let port = s.rng.within(32_768..=60_999);
    let scan_ms = s.rng.within(250..=2_400);
    let spam = matches!(finding, Finding::Spam | Finding::Refused);
    let score = match finding {
        Finding::Refused => s.rng.within(150..=320),
        Finding::Spam => s.rng.within(50..=140),
        Finding::Clean | Finding::Virus => s.rng.within(0..=38),
    } as f64
        / 10.0;
    let rules = *s.rng.pick(if spam { SPAM_RULES } else { HAM_RULES });
    let seconds = scan_ms as f64 / 1000.0;
    let user = "spamass-milter";

    s.daemon(at, "spamd", pid, format_args!("spamd: connection from localhost [127.0.0.1]:{port} to port 783, fd 5"));
    let start = s.later(at, 1, 6);
    s.daemon(start, "spamd", pid, format_args!("spamd: processing message <{message_id}> for {user}:{SCAN_UID}"));
    let end = start.after_ms(scan_ms);
    let verdict = if spam { "identified spam" } else { "clean message" };
    s.daemon(
        end,
        "spamd",
        pid,
        format_args!(
            "spamd: {verdict} ({score:.1}/{REQUIRED_SCORE:.1}) for {user}:{SCAN_UID} in {seconds:.1} seconds, {size} bytes."
        ),
    );
    let end = s.later(end, 1, 4);
    let mark = if spam { 'Y' } else { '.' };
    s.daemon(
        end,
        "spamd",
        pid,
        format_args!(
            "spamd: result: {mark} {score:2.0} - {rules} scantime={seconds:.1},size={size},user={user},uid={SCAN_UID},\
             required_score={REQUIRED_SCORE:.1},rhost=localhost,raddr=127.0.0.1,rport={port},mid=<{message_id}>,autolearn=no"
        ),
    );
    end
}

/// clamd with `LogClean yes`.
fn clamd(s: &mut Scribe, at: Moment, finding: Finding) -> Moment {
    const CLAMD: u32 = 902;
    let at = s.later(at, 15, 180);
    let port = s.rng.within(32_768..=60_999);
    if finding == Finding::Virus {
        s.daemon(at, "clamd", CLAMD, format_args!("instream(127.0.0.1@{port}): Eicar-Test-Signature FOUND"));
    } else {
        s.daemon(at, "clamd", CLAMD, format_args!("instream(127.0.0.1@{port}): OK"));
    }
    at
}

/// spamc finds no spamd, tries again and gives up; the message passes unscanned.
pub fn spamc_in_vain(s: &mut Scribe, at: Moment) -> Moment {
    let pid = s.pid();
    let mut at = at;
    for attempt in 1..=SPAMC_TRIES {
        at = s.later(at, 1_000, 1_020);
        s.daemon(
            at,
            "spamc",
            pid,
            format_args!(
                "connect to spamd on 127.0.0.1 failed, retrying (#{attempt} of {SPAMC_TRIES}): Connection refused"
            ),
        );
    }
    s.daemon(at, "spamc", pid, format_args!("connection attempt to spamd aborted after {SPAMC_TRIES} retries"));
    at
}

/// clamav-milter finds no clamd; with `OnFail Accept` the message passes unscanned.
fn clamd_in_vain(s: &mut Scribe, at: Moment) -> Moment {
    const MILTER: u32 = 915;
    let at = s.later(at, 20, 60);
    if s.rng.one_in(4) {
        s.daemon(at, "clamav-milter", MILTER, format_args!("WARNING: No clamd server appears to be available"));
    }
    s.daemon(at, "clamav-milter", MILTER, format_args!("ERROR: Failed to initiate streaming/fdpassing"));
    at
}
