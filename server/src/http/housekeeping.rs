//! What is over is forgotten while the server runs, so that nothing that visitors leave behind grows: sessions and links
//! past their time, and addresses that have not failed at a log-in for long. (The audit log bounds itself as it is written.)
//! And what the first visitor must not wait for is made before one comes.

use std::time::{Duration, Instant};

use super::App;
use crate::account::Accounts;
use crate::collect;

/// How often. A session that is over lets nobody in, forgotten or not; it only takes room.
const EVERY: Duration = Duration::from_secs(600);

/// Keeps house until it is dropped.
pub async fn keep(app: &App) {
    app.hashing.prepare().await;
    let mut rounds = tokio::time::interval(EVERY);
    loop {
        rounds.tick().await;
        app.throttle.forget(Instant::now());
        let limits = app.session_limits();
        let forget = move |accounts: &Accounts| Ok(accounts.forget_expired(limits, collect::now())?);
        if let Err(error) = app.with_accounts(forget).await {
            tracing::warn!(?error, "cannot forget the sessions that are over");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use mailtally_model::{Subject, Time};

    use super::*;
    use crate::account::Link;
    use crate::http::{Assets, serve};
    use crate::settings::Settings;

    /// Waits for what another task brings about.
    async fn until(mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not come about");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_is_forgotten_while_serving() {
        // FAULTS 18, 83
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("index.html"), "app").expect("an app");
        let settings = Settings { listen: (Ipv4Addr::LOCALHOST, 0).into(), ..Settings::default() };
        let app = App::new(dir.path(), Assets::in_folder(dir.path()).expect("an app"), &settings).expect("a server");
        let app = Arc::new(app);
        let accounts: Arc<Accounts> = Arc::clone(&app.accounts);
        accounts.unasked().add("ann", &Subject::Server, "no hash", Time(0)).expect("an account");
        let ann = accounts.find("ann").expect("the file").expect("ann").id;
        let now = collect::now();
        for (began, until) in [(Time(0), Time(1)), (now, now.plus_secs(3_600))] {
            accounts.begin_session(ann, None, began).expect("a session");
            accounts.make_link(Link::SignIn(ann), until).expect("a link");
        }
        app.throttle.admit("eve", Ipv4Addr::LOCALHOST.into(), Instant::now()).expect("a first try");
        let left = || accounts.kept().expect("the file");
        assert_eq!(left(), (2, 2));

        let listening = crate::http::bind(&settings).await.expect("a socket");
        let serving = tokio::spawn(serve(listening, Arc::clone(&app), std::future::pending()));
        until(|| left() == (1, 1)).await;
        assert_eq!(app.throttle.remembered(), 2, "someone who failed just now is remembered");
        // And again at the next round.
        accounts.begin_session(ann, None, Time(0)).expect("a session");
        until(|| left() == (2, 1)).await;
        tokio::time::advance(EVERY).await;
        until(|| left() == (1, 1)).await;
        serving.abort();
    }
}
