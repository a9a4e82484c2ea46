//! Which daemon writes under a program's name. Found once for each name: lines bear a handful of them.

use crate::host;
use crate::postfix::Speaker;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    Dovecot,
    Spamd,
    Spamc,
    Amavis,
    Rspamd,
    Policyd,
    MailScanner,
    Clamd,
    ClamavMilter,
    Exim,
    /// Our own samples of the host.
    Sampler,
    Postfix(SpeakerAt),
    /// One that handles no mail itself.
    Other,
}

/// Where the parts of a [`Speaker`] stand in the program's name: the first and the last so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakerAt {
    instance_bytes: usize,
    daemon_bytes: usize,
}

impl Daemon {
    pub fn of(program: &[u8]) -> Daemon {
        match program {
            b"dovecot" => Daemon::Dovecot,
            b"spamd" => Daemon::Spamd,
            b"spamc" => Daemon::Spamc,
            b"amavis" | b"amavisd" => Daemon::Amavis,
            b"rspamd" => Daemon::Rspamd,
            b"cbpolicyd" | b"policyd" | b"postfix-policyd" => Daemon::Policyd,
            b"MailScanner" => Daemon::MailScanner,
            b"clamd" => Daemon::Clamd,
            b"clamav-milter" => Daemon::ClamavMilter,
            b"exim" | b"exim4" => Daemon::Exim,
            program if program == host::PROGRAM.as_bytes() => Daemon::Sampler,
            program => Speaker::parse(program).map_or(Daemon::Other, |speaker| {
                Daemon::Postfix(SpeakerAt {
                    instance_bytes: speaker.instance.len(),
                    daemon_bytes: speaker.daemon.len(),
                })
            }),
        }
    }
}

impl SpeakerAt {
    /// Of the program whose name was looked at.
    pub fn speaker(self, program: &[u8]) -> Speaker<'_> {
        let instance = &program[..self.instance_bytes];
        Speaker { instance, program, daemon: &program[program.len() - self.daemon_bytes..] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_is_the_one_that_was_read() {
        for program in ["postfix/smtpd", "postfix-in/submission/smtpd", "postfix", "mx/qmgr"] {
            let Daemon::Postfix(at) = Daemon::of(program.as_bytes()) else { panic!("{program}") };
            assert_eq!(Some(at.speaker(program.as_bytes())), Speaker::parse(program.as_bytes()), "{program}");
        }
        assert_eq!(Daemon::of(b"postfix-policyd"), Daemon::Policyd);
        assert_eq!(Daemon::of(b"cron"), Daemon::Other);
    }
}
