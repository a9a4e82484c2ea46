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
        accounts.unasked().add(name, &root.parse().unwrap(), HASH, NOW).unwrap();
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
    assert!(matches!(accounts.unasked().add("Admin", &Subject::Server, HASH, NOW), Err(AccountError::NameTaken)));
    for name in [
        "",
        "a b",
        "a/b",
        "a\nb",
        "a\0",
        "\"",
        "<b>",
        "a%",
        "{name}",
        &"x".repeat(321),
        "ann@x.",
        "admin.",
        "ev\u{130}l",
    ] {
        assert!(
            matches!(accounts.unasked().add(name, &Subject::Server, HASH, NOW), Err(AccountError::BadName)),
            "{name:?}"
        );
    }
    let service: Subject = "clamav:mx1".parse().unwrap();
    assert!(matches!(accounts.unasked().add("eve", &service, HASH, NOW), Err(AccountError::BadRoot)));
    assert!(matches!(accounts.unasked().remove("eve"), Err(AccountError::NoSuchAccount)));
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
    let begin = || accounts.begin_session(admin, None, NOW).unwrap();
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
        |accounts: &Accounts| accounts.unasked().set_password("admin", HASH).unwrap(),
        |accounts: &Accounts| accounts.unasked().set_disabled("admin", true).unwrap(),
    ] {
        let secret = begin();
        end(&accounts);
        assert!(!is_good(&secret, NOW));
        accounts.unasked().set_disabled("admin", false).unwrap();
        assert!(!is_good(&secret, NOW), "enabled again is not signed in again");
    }
    let secret = begin();
    accounts.unasked().remove("admin").unwrap();
    assert!(!is_good(&secret, NOW));
    assert!(accounts.begin_session(admin, None, NOW).is_err());
}

#[test]
fn a_session_of_an_old_password_does_not_begin() {
    // FAULTS 83: it was looked at, and changed while the log-in waited for its turn.
    let Here { accounts, .. } = here();
    let admin = id(&accounts, "admin");
    assert!(accounts.begin_session(admin, Some(HASH), NOW).is_ok());
    accounts.unasked().set_password("admin", "another hash").unwrap();
    assert!(matches!(accounts.begin_session(admin, Some(HASH), NOW), Err(AccountError::NoSuchAccount)));
    assert!(accounts.begin_session(admin, Some("another hash"), NOW).is_ok());
}

#[test]
fn two_who_remove_each_other_leave_one() {
    // FAULTS 78
    let Here { accounts, .. } = here();
    accounts.unasked().add("second", &Subject::Server, HASH, NOW).unwrap();
    let standing = |name| {
        let secret = accounts.begin_session(id(&accounts, name), None, NOW).unwrap();
        Standing::Session(accounts.session(secret.reveal(), LIMITS, NOW).unwrap().unwrap().digest)
    };
    let (admin, second) = (standing("admin"), standing("second"));
    accounts.by(&admin).remove("second").unwrap();
    assert!(matches!(accounts.by(&second).remove("admin"), Err(AccountError::SignedOut)));
    let by_proxy = Standing::Account(id(&accounts, "admin"));
    accounts.by(&by_proxy).set_disabled("dora", true).unwrap();
    accounts.unasked().set_disabled("admin", true).unwrap();
    assert!(matches!(accounts.by(&by_proxy).set_disabled("dora", false), Err(AccountError::SignedOut)));
}

#[test]
fn a_file_of_accounts_is_no_link_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let precious = dir.path().join("precious.txt");
    std::fs::write(&precious, "mine").unwrap();
    std::os::unix::fs::symlink(&precious, dir.path().join(FILE)).unwrap();
    let refused = Accounts::open(dir.path()).err().unwrap();
    assert!(refused.to_string().contains("symbolic link"), "{refused}");
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
}

#[test]
fn sessions_of_one_account_are_bounded() {
    let Here { accounts, .. } = here();
    let admin = id(&accounts, "admin");
    // Of many in one second the one that has just begun is kept.
    for _ in 0..60 {
        let secret = accounts.begin_session(admin, None, NOW).unwrap();
        assert!(accounts.session(secret.reveal(), LIMITS, NOW).unwrap().is_some());
    }
    accounts.unasked().set_password("admin", HASH).unwrap();
    let first = accounts.begin_session(admin, None, NOW).unwrap();
    for later in 1..60 {
        accounts.begin_session(admin, None, NOW.plus_secs(later)).unwrap();
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
    let (number, secret) = accounts.unasked().make_token(dora, "a\nlabel", &root, NOW).unwrap();
    let bearer = accounts.bearer(secret.reveal(), NOW).unwrap().unwrap();
    assert_eq!((bearer.name.as_str(), &bearer.root), ("dora", &root));
    let tokens = accounts.tokens(dora).unwrap();
    assert_eq!((tokens[0].label.as_str(), tokens[0].used), ("alabel", Some(NOW)));
    accounts.unasked().set_disabled("dora", true).unwrap();
    assert_eq!(accounts.bearer(secret.reveal(), NOW).unwrap(), None);
    accounts.unasked().set_disabled("dora", false).unwrap();
    assert!(!accounts.unasked().revoke_token(id(&accounts, "admin"), number).unwrap(), "another's token");
    assert!(
        accounts.unasked().revoke_token(dora, number).unwrap()
            && !accounts.unasked().revoke_token(dora, number).unwrap()
    );
    assert_eq!(accounts.bearer(secret.reveal(), NOW).unwrap(), None);
    for _ in 0..MAX_TOKENS {
        accounts.unasked().make_token(dora, "one", &root, NOW).unwrap();
    }
    assert!(matches!(accounts.unasked().make_token(dora, "one", &root, NOW), Err(AccountError::TooManyTokens)));
}

#[test]
fn no_secret_is_in_the_file_and_the_file_is_private() {
    // FAULTS 90
    let Here { accounts, dir } = here();
    let admin = id(&accounts, "admin");
    let secrets = [
        accounts.begin_session(admin, None, NOW).unwrap(),
        accounts.unasked().make_token(admin, "script", &Subject::Server, NOW).unwrap().1,
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
fn one_s_own_doings_push_out_no_failures() {
    // FAULTS 79, 93
    let Here { accounts, .. } = here();
    accounts.note("log-in-failed", "admin", "192.0.2.1", NOW);
    accounts.note("account-added", "ann by admin", "192.0.2.1", NOW);
    for number in 0..10 {
        accounts.note("token-made", &format!("ann, number {number}"), "192.0.2.2", NOW);
    }
    audit::forget_oldest(&accounts.connection(), 3).unwrap();
    let whats: Vec<String> = accounts.audit("", None, 100).unwrap().into_iter().map(|entry| entry.what).collect();
    assert_eq!(whats, ["token-made", "token-made", "token-made", "account-added", "log-in-failed"]);
}

#[test]
fn who_came_in_from_where_is_known_for_a_while() {
    // FAULTS 79
    let Here { accounts, .. } = here();
    accounts.note("log-in", "ann@example.com", "2001:db8:0:1::7", NOW);
    accounts.note("log-in-failed", "ann@example.com", "192.0.2.1", NOW);
    let came = |name: &str, address: &str, now: Time| accounts.was_let_in(name, address.parse().unwrap(), now).unwrap();
    assert!(came("ann@example.com", "2001:db8:0:1::9", NOW.plus_secs(86_400)), "of one network");
    assert!(!came("ann@example.com", "2001:db8:0:2::7", NOW) && !came("dora", "2001:db8:0:1::7", NOW));
    assert!(!came("ann@example.com", "192.0.2.1", NOW), "tried and not let in");
    assert!(!came("ann@example.com", "2001:db8:0:1::7", NOW.plus_secs(31 * 86_400)));
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
