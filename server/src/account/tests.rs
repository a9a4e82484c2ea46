//! Accounts, sessions, tokens and links, through the file that keeps them.
#![allow(clippy::unwrap_used)]

use super::*;

const NOW: Time = Time(1_800_000_000);
const LIMITS: Limits = Limits { idle_secs: 3_600, absolute_secs: 10_000 };
/// Nobody verifies it here.
const HASH: &str = "$argon2id$not-a-real-one";

struct Here {
    accounts: Accounts,
    dir: tempfile::TempDir,
}

/// A system admin, a domain admin and a mailbox owner.
fn here() -> Here {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path()).unwrap();
    for (name, root) in [("admin", "(server)"), ("dora", "example.com"), ("ann@example.com", "ann@example.com")] {
        accounts.add(name, &root.parse().unwrap(), HASH, NOW).unwrap();
    }
    Here { accounts, dir }
}

fn id(accounts: &Accounts, name: &str) -> i64 {
    accounts.find(name).unwrap().unwrap().id
}

#[test]
fn a_name_has_one_spelling_and_one_account() {
    let Here { accounts, .. } = here();
    assert_eq!(accounts.find("ADMIN").unwrap().unwrap().name, "admin");
    assert!(matches!(accounts.add("Admin", &Subject::Server, HASH, NOW), Err(AccountError::NameTaken)));
    for name in ["", "a b", "a/b", "a\nb", "a\0", "\"", "<b>", "a%", "{name}", &"x".repeat(321)] {
        assert!(matches!(accounts.add(name, &Subject::Server, HASH, NOW), Err(AccountError::BadName)), "{name:?}");
    }
    let service: Subject = "clamav:mx1".parse().unwrap();
    assert!(matches!(accounts.add("eve", &service, HASH, NOW), Err(AccountError::BadRoot)));
    assert!(matches!(accounts.remove("eve"), Err(AccountError::NoSuchAccount)));
    let names: Vec<String> = accounts.all().unwrap().into_iter().map(|account| account.name).collect();
    assert_eq!(names, ["admin", "ann@example.com", "dora"]);
}

#[test]
fn a_root_is_spelled_as_the_reports_spell_it() {
    assert_eq!(root("(server)"), Some(Subject::Server));
    assert_eq!(root(" Bücher.Example. ").unwrap().to_string(), "xn--bcher-kva.example");
    assert_eq!(root("Ann@Bücher.example").unwrap().to_string(), "Ann@xn--bcher-kva.example");
    for typed in ["", "clamav:mx1", "(other)", "a b", "@example.com", "(Server)"] {
        assert_eq!(root(typed), None, "{typed:?}");
    }
}

#[test]
fn a_session_ends_with_time_log_out_password_disable_and_account() {
    // FAULTS 78, 83
    let Here { accounts, .. } = here();
    let admin = id(&accounts, "admin");
    let begin = || accounts.begin_session(admin, NOW).unwrap();
    let is_good = |secret: &Secret, now| accounts.session(secret.reveal(), LIMITS, now).unwrap().is_some();

    let (one, other) = (begin(), begin());
    assert_ne!(one, other);
    assert_eq!(one.reveal().len(), 64, "256 bits");
    assert!(is_good(&one, NOW) && !is_good(&Secret::random(), NOW));
    accounts.end_session(&one.digest()).unwrap();
    assert!(!is_good(&one, NOW) && is_good(&other, NOW));

    let session = accounts.session(other.reveal(), LIMITS, NOW).unwrap().unwrap();
    let third = begin();
    accounts.end_sessions_like(&session).unwrap();
    assert!(!is_good(&other, NOW) && !is_good(&third, NOW));

    let idle = begin();
    assert!(is_good(&idle, NOW.plus_secs(3_600)) && is_good(&idle, NOW.plus_secs(7_200)), "use keeps it");
    assert!(!is_good(&idle, NOW.plus_secs(10_801)) && !is_good(&idle, NOW), "what is over stays over");
    let long = begin();
    for secs in (0..=9_000).step_by(3_000) {
        assert!(is_good(&long, NOW.plus_secs(secs)));
    }
    assert!(!is_good(&long, NOW.plus_secs(10_001)), "use does not keep it for ever");

    for end in [
        |accounts: &Accounts| accounts.set_password("admin", HASH).unwrap(),
        |accounts: &Accounts| accounts.set_disabled("admin", true).unwrap(),
    ] {
        let secret = begin();
        end(&accounts);
        assert!(!is_good(&secret, NOW));
        accounts.set_disabled("admin", false).unwrap();
        assert!(!is_good(&secret, NOW), "enabled again is not signed in again");
    }
    let secret = begin();
    accounts.remove("admin").unwrap();
    assert!(!is_good(&secret, NOW));
    assert!(accounts.begin_session(admin, NOW).is_err());
}

#[test]
fn sessions_of_one_account_are_bounded() {
    let Here { accounts, .. } = here();
    let admin = id(&accounts, "admin");
    let first = accounts.begin_session(admin, NOW).unwrap();
    for later in 1..60 {
        accounts.begin_session(admin, NOW.plus_secs(later)).unwrap();
    }
    assert!(accounts.session(first.reveal(), LIMITS, NOW).unwrap().is_none());
    let count: i64 = accounts.connection().query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 50);
    accounts.forget_expired(LIMITS, NOW.plus_secs(1_000_000)).unwrap();
    let count: i64 = accounts.connection().query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[test]
fn a_link_is_good_once_for_a_while_and_the_newest_alone() {
    // FAULTS 92
    let Here { accounts, .. } = here();
    let until = NOW.plus_secs(60);
    let old = accounts.make_link(Link::SetUp, until).unwrap();
    let link = accounts.make_link(Link::SetUp, until).unwrap();
    assert_eq!(accounts.use_link(old.reveal(), NOW).unwrap(), None);
    assert_eq!(accounts.use_link(link.reveal(), until.plus_secs(1)).unwrap(), None);
    assert_eq!(accounts.look_at_link(link.reveal(), NOW).unwrap(), Some(Link::SetUp));
    assert_eq!(accounts.use_link(link.reveal(), NOW).unwrap(), Some(Link::SetUp));
    assert_eq!(accounts.use_link(link.reveal(), NOW).unwrap(), None);
    let admin = id(&accounts, "admin");
    let link = accounts.make_link(Link::SignIn(admin), until).unwrap();
    assert_eq!(accounts.use_link(link.reveal(), NOW).unwrap(), Some(Link::SignIn(admin)));
}

#[test]
fn a_token_reads_for_its_account_while_that_is_let_in() {
    let Here { accounts, .. } = here();
    let dora = id(&accounts, "dora");
    let root: Subject = "ann@example.com".parse().unwrap();
    let (number, secret) = accounts.make_token(dora, "a\nlabel", &root, NOW).unwrap();
    let bearer = accounts.bearer(secret.reveal(), NOW).unwrap().unwrap();
    assert_eq!((bearer.name.as_str(), &bearer.root), ("dora", &root));
    let tokens = accounts.tokens(dora).unwrap();
    assert_eq!((tokens[0].label.as_str(), tokens[0].used), ("alabel", Some(NOW)));
    accounts.set_disabled("dora", true).unwrap();
    assert_eq!(accounts.bearer(secret.reveal(), NOW).unwrap(), None);
    accounts.set_disabled("dora", false).unwrap();
    assert!(!accounts.revoke_token(id(&accounts, "admin"), number).unwrap(), "another's token");
    assert!(accounts.revoke_token(dora, number).unwrap() && !accounts.revoke_token(dora, number).unwrap());
    assert_eq!(accounts.bearer(secret.reveal(), NOW).unwrap(), None);
    for _ in 0..MAX_TOKENS {
        accounts.make_token(dora, "one", &root, NOW).unwrap();
    }
    assert!(matches!(accounts.make_token(dora, "one", &root, NOW), Err(AccountError::TooManyTokens)));
}

#[test]
fn no_secret_is_in_the_file_and_the_file_is_private() {
    // FAULTS 90
    let Here { accounts, dir } = here();
    let admin = id(&accounts, "admin");
    let secrets = [
        accounts.begin_session(admin, NOW).unwrap(),
        accounts.make_token(admin, "script", &Subject::Server, NOW).unwrap().1,
        accounts.make_link(Link::SetUp, NOW.plus_secs(60)).unwrap(),
    ];
    drop(accounts);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in &secrets {
            assert!(!format!("{secret:?}").contains(secret.reveal()));
            let found = memchr::memmem::find(&bytes, secret.reveal().as_bytes());
            assert!(found.is_none(), "{} holds a secret", path.display());
        }
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o077, 0, "{} is for others to read", path.display());
        }
    }
}

#[test]
fn the_audit_log_keeps_a_name_on_its_line() {
    // FAULTS 93
    let Here { accounts, .. } = here();
    accounts.note("log-in-failed", "a\r\nb\u{1b}[2J", "192.0.2.1", NOW);
    let entries = accounts.audit("", None, 10).unwrap();
    assert_eq!(entries[0].name, "a\r\nb\u{1b}[2J", "as it was tried; escaped where it is printed");
    assert_eq!(crate::command::escape(&entries[0].name), r"a\u{d}\u{a}b\u{1b}[2J");
}

#[test]
fn another_program_s_file_and_a_newer_one_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE cats (name TEXT); PRAGMA user_version = 3;").unwrap();
    assert!(Accounts::open(dir.path()).is_err());
    let dir = tempfile::tempdir().unwrap();
    drop(Accounts::open(dir.path()).unwrap());
    Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let Err(refusal) = Accounts::open(dir.path()) else { panic!("a newer file was taken") };
    assert!(format!("{refusal:#}").contains("newer"), "{refusal:#}");
}
