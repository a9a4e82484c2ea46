//! What pflogsumm says of the same logs. Where the numbers differ, docs/pflogsumm.md says by how much and why, and each
//! such difference is counted here from something else than the number that it explains.

use std::process::Command;

use super::*;

/// The version whose output stands beside the logs.
const VERSION: &str = "1.1.5";

const DOC: &str = include_str!("../../../docs/pflogsumm.md");

/// pflogsumm's totals: `received`, `delivered`, `deferrals`, `bounced`, `rejected`.
struct Totals(BTreeMap<String, i64>);

impl Totals {
    fn read(text: &str) -> Totals {
        let mut totals = BTreeMap::new();
        for line in text.lines().take_while(|line| !line.contains("Per-")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [number, name, rest @ ..] = words.as_slice() else { continue };
            let Ok(number) = number.parse() else { continue };
            // `reject warnings` and `bytes received` have two words.
            if !rest.first().is_some_and(|word| word.chars().all(char::is_alphabetic)) {
                totals.insert((*name).to_owned(), number);
            }
            if let [deferrals, "deferrals)"] = rest {
                totals.insert("deferrals".to_owned(), deferrals.trim_start_matches('(').parse().unwrap());
            }
        }
        Totals(totals)
    }

    /// What stands beside the log; where this version of pflogsumm is installed, it is asked again.
    fn of(corpus: &str) -> Totals {
        let kept = std::fs::read_to_string(path(corpus, "pflogsumm.txt")).unwrap();
        let version = Command::new("pflogsumm").arg("--version").output();
        match version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) {
            Ok(version) if version == format!("pflogsumm {VERSION}") => {
                let log = path(corpus, "mail.log");
                let output = Command::new("pflogsumm").args(["--detail", "0"]).arg(log).output().unwrap();
                let now = Totals::read(&String::from_utf8_lossy(&output.stdout));
                assert_eq!(now.0, Totals::read(&kept).0, "{corpus}: pflogsumm says otherwise than what is kept of it");
            }
            other => {
                eprintln!("\npflogsumm {VERSION} is not installed ({other:?}): what it once said is taken instead\n")
            }
        }
        Totals::read(&kept)
    }

    fn of_word(&self, word: &str) -> i64 {
        self.0.get(word).copied().unwrap_or(0)
    }
}

/// The queue-ids of lines with this text.
fn ids(corpus: &str, text: &str) -> BTreeSet<String> {
    let of_line = |line: &String| {
        let (head, _) = line.split_once(text)?;
        let id = head.rsplit(": ").find(|word| word.chars().all(|c| c.is_ascii_hexdigit()) && word.len() > 8)?;
        Some(id.to_owned())
    };
    text_lines(corpus).iter().filter_map(of_line).collect()
}

fn text_lines(corpus: &str) -> Vec<String> {
    lines(corpus, "mail.log").iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// pflogsumm's number is ours and the named differences.
#[track_caller]
fn agree(corpus: &str, word: &str, ours: i64, differences: &[(&str, i64)]) {
    let theirs = Totals::of(corpus).of_word(word);
    let sum: i64 = differences.iter().map(|(_, amount)| amount).sum();
    assert_eq!(theirs, ours + sum, "{corpus}: {word}, ours {ours} with {differences:?}");
    for (name, amount) in differences {
        assert!(*amount == 0 || DOC.contains(&format!("| {name} |")), "docs/pflogsumm.md does not explain {name}");
    }
    let numbers: Vec<&str> = differences.iter().filter(|(_, amount)| *amount != 0).map(|(name, _)| *name).collect();
    let by = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
    let row = format!("| {corpus} | {word} | {theirs} | {ours} | {by} |");
    assert!(DOC.contains(&row), "docs/pflogsumm.md has no row\n{row}");
}

/// Messages by all classes.
fn messages(counted: &Counted) -> i64 {
    let of = |(measure, subject): &&(String, String)| measure.starts_with("priority.") && subject == "(server)";
    counted.sums.iter().filter(|(key, _)| of(key)).map(|(_, sum)| sum).sum()
}

#[test]
fn received_is_ours_with_what_never_came_and_what_came_twice() {
    for corpus in ["delivery-bounce-defer-expire", "rejects", "spamd-pipe", "by-hand"] {
        let counted = count(corpus, "mail.log");
        let (active, mut begun) = (ids(corpus, "(queue active)"), ids(corpus, ": client="));
        begun.extend(ids(corpus, ": uid="));
        let never = begun.difference(&active).count() as i64;
        let made_here = ids(corpus, ": from=<>").difference(&begun).count() as i64;
        let twice = match corpus {
            // Each of them was handed to the filter's pipe, two mailboxes being two hand-overs.
            "spamd-pipe" => {
                text_lines(corpus).iter().filter(|line| line.contains("relay=spamassassin,")).count() as i64
            }
            _ => 0,
        };
        let again = ids(corpus, ": requeued").len() as i64;
        let differences = [("P1", never), ("P2", -made_here), ("P3", twice), ("P10", again)];
        agree(corpus, "received", messages(&counted), &differences);
    }
}

#[test]
fn delivered_is_ours_with_hand_overs_and_transfers() {
    for corpus in ["delivery-bounce-defer-expire", "rejects", "spamd-pipe", "by-hand"] {
        let counted = count(corpus, "mail.log");
        let by_smtp = |line: &&String| line.contains("postfix/smtp[") && line.contains("status=sent");
        let sent_on = match corpus {
            "delivery-bounce-defer-expire" => Truth::of(corpus).sinks("rcpts"),
            "by-hand" => text_lines(corpus).iter().filter(by_smtp).count() as i64,
            _ => 0,
        };
        let twice = match corpus {
            "spamd-pipe" => {
                text_lines(corpus).iter().filter(|line| line.contains("relay=spamassassin,")).count() as i64
            }
            _ => 0,
        };
        let ours = counted.of("message.incoming", "(server)");
        agree(corpus, "delivered", ours, &[("P4", sent_on), ("P3", twice)]);
    }
}

#[test]
fn deferrals_are_ours_without_soft_bounces() {
    let counted = count("by-hand", "mail.log");
    let soft = text_lines("by-hand").iter().filter(|line| line.contains("status=SOFTBOUNCE")).count() as i64;
    agree("by-hand", "deferrals", counted.of("smtp_out.deferrals", "(server)"), &[("P11", -soft)]);
}

#[test]
fn outcomes_elsewhere_are_ours_without_what_expired() {
    let corpus = "delivery-bounce-defer-expire";
    let counted = count(corpus, "mail.log");
    agree(corpus, "deferrals", counted.of("smtp_out.deferrals", "(server)"), &[]);
    let expired = ids(corpus, ", status=expired, returned to sender");
    let put_off = text_lines(corpus).iter().filter(|line| line.contains("status=deferred")).fold(
        BTreeSet::new(),
        |mut recipients, line| {
            let id = expired.iter().find(|id| line.contains(id.as_str()));
            let recipient = line.split_once(": to=<").and_then(|(_, rest)| rest.split_once('>'));
            recipients.extend(id.zip(recipient).map(|(id, (recipient, _))| (id.clone(), recipient.to_owned())));
            recipients
        },
    );
    // A dangling alias is refused by the mailbox' own server: that is no outcome elsewhere.
    let here =
        text_lines(corpus).iter().filter(|line| line.contains("/lmtp[") && line.contains("status=bounced")).count();
    let ours = counted.of("smtp_out.bounced", "(server)");
    agree(corpus, "bounced", ours, &[("P5", -(put_off.len() as i64)), ("P6", here as i64)]);
}

#[test]
fn rejected_is_ours_with_each_line_of_a_blocked_connection() {
    let corpus = "rejects";
    let counted = count(corpus, "mail.log");
    let truth = Truth::of(corpus);
    let ours =
        counted.of("smtp_in.rejected_recipients", "(server)") + counted.of("smtp_in.rejected_messages", "(server)");
    let cases = |names: &[&str]| names.iter().map(|name| truth.count(&format!("case.{name}"))).sum::<i64>();
    let of_clients = cases(&["rbl", "client_450", "client_554", "client_reject", "reject_at_connect"]);
    agree(corpus, "rejected", ours, &[("P7", of_clients), ("P8", -cases(&["size_actual"]))]);
}
