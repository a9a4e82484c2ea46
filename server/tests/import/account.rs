//! `mailtally account` as a process: what it prints, and that no secret is left lying about.

use super::*;

const PASSWORD: &str = "correct horse battery";

/// Runs `mailtally account WORDS --data DIR` with a password on stdin; what it printed on either side.
fn account(data: &Path, words: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtally"));
    command.arg("account").args(words).arg("--data").arg(data);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that asks for no password does not read its stdin.
    let _ = writeln!(process.stdin.take().unwrap(), "{PASSWORD}");
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// Every byte below a directory.
fn bytes_below(dir: &Path, found: &mut Vec<u8>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes_below(&path, found);
        } else {
            found.extend(fs::read(path).unwrap());
        }
    }
}

#[test]
fn a_command_about_accounts_prints_what_was_asked_for_and_nothing_else() {
    // FAULTS 90
    let site = site();
    let data = site.data();
    let quiet = (String::new(), String::new());
    assert_eq!(account(&data, &["add", "dora", "--root", "example.com", "--password-stdin"]), quiet);
    // There need be no mail of a domain yet.
    assert_eq!(account(&data, &["add", "nina", "--root", "new.example", "--password-stdin"]), quiet);
    assert_eq!(account(&data, &["passwd", "dora", "--password-stdin"]), quiet);
    assert_eq!(account(&data, &["disable", "dora"]), quiet);
    assert_eq!(account(&data, &["enable", "dora"]), quiet);
    let (token, said) = account(&data, &["token", "dora", "--label", "bill"]);
    assert_eq!((token.trim().len(), said.as_str()), (64, ""));
    let (link, said) = account(&data, &["setup-link", "--address", "https://mail.example.com"]);
    let secret = link.trim().strip_prefix("https://mail.example.com/setup#").unwrap();
    assert_eq!((secret.len(), said.as_str()), (64, ""));
    assert_eq!(account(&data, &["remove", "nina"]), quiet);

    let (log, _) = account(&data, &["audit"]);
    let whats: Vec<&str> = log.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    let story = [
        "account-added",
        "account-added",
        "password-set",
        "account-disabled",
        "account-enabled",
        "token-made",
        "account-removed",
    ];
    assert_eq!(whats, story);

    // Neither in the files nor in a copy of them is anything that lets someone in.
    let mut stored = Vec::new();
    bytes_below(&data, &mut stored);
    let holds = |text: &str| memchr::memmem::find(&stored, text.as_bytes()).is_some();
    assert!(holds("new.example") || holds("dora"), "the files were read");
    assert!(!holds(PASSWORD) && !holds(token.trim()) && !holds(secret));
}

#[test]
fn a_root_that_nothing_is_stored_of_is_said() {
    let site = site().with("mail.log", &corpus("dovecot"));
    site.import();
    let added = |name, root| account(&site.data(), &["add", name, "--root", root, "--password-stdin"]);
    let quiet = (String::new(), String::new());
    assert_eq!(added("anna", "(server)"), quiet);
    assert_eq!(added("dora", "alpha.example"), quiet);
    let said = "alhpa.example: nothing is stored of it yet, so its reports are empty\n";
    assert_eq!(added("nina", "alhpa.example"), (String::new(), said.to_owned()));
}

#[test]
fn a_password_is_no_argument() {
    // FAULTS 90
    let site = site();
    let data = site.data();
    let words = ["account", "add", "dora", "--root", "example.com", "--password", "horse", "--data"];
    let output = Command::new(env!("CARGO_BIN_EXE_mailtally")).args(words).arg(&data).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!data.exists());
}
