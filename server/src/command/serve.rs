//! `mailtally serve`: collects and serves, in one process, until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::runtime::Runtime;

use super::account;
use super::import::ReadingArgs;
use crate::collect::{self, Live, Watch};
use crate::http::{self, App, Assets, Listening};
use crate::settings::Settings;
use crate::store::Store;

/// Follow the logs and serve the reports
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Data directory; made if it is absent [default: from the settings]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on; beyond this machine it needs TLS [default: from the settings]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Listen beyond this machine without TLS: passwords cross the network in the clear
    #[arg(long)]
    plain_http: bool,
    /// A log to follow, or a pattern with `*`; may be given more than once [default: from the settings]
    #[arg(long = "log", value_name = "GLOB")]
    logs: Vec<String>,
    #[command(flatten)]
    app: AppArgs,
    /// Milliseconds between two looks at the logs, each with a commit, for tests
    #[arg(long, hide = true, value_name = "MS")]
    pace: Option<u64>,
    /// Lines in a commit, for tests
    #[arg(long, hide = true, default_value_t = collect::MAX_BATCH_LINES)]
    batch_lines: usize,
}

/// Where the browser app is.
#[derive(Args, Clone, Debug, Default)]
pub struct AppArgs {
    /// Folder of the built app [default: the one in this binary]
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
}

impl AppArgs {
    pub fn assets(&self) -> Result<Assets> {
        match &self.app {
            Some(folder) => Assets::in_folder(folder),
            None => Assets::built_in(),
        }
    }
}

pub fn run(args: &ServeArgs, settings: &Settings) -> Result<ExitCode> {
    if is_root() {
        tracing::warn!(
            "runs as root, and needs no more than to read the logs: docs/mailtally.service is a unit with less"
        );
    }
    let data = args.data.as_deref().unwrap_or(&settings.data);
    let assets = args.app.assets()?;
    // The data file is there before anyone asks for it, and nobody else writes to it while we live.
    let store = Store::open(data)?;
    let mut settings = settings.clone();
    if !args.logs.is_empty() {
        settings.collect.files.clone_from(&args.logs);
    }
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.http.plain |= args.plain_http;
    let reading = ReadingArgs { batch_lines: args.batch_lines, ..ReadingArgs::default() };
    let reading = reading.reading(&settings, collect::now())?;
    let watch = Arc::new(Watch::paced(args.pace.map(Duration::from_millis)));
    let live = Live::spawn(store, data.to_owned(), settings.clone(), reading, Arc::clone(&watch));
    let app = App::new(data, assets, &settings)?.watched_by(Arc::clone(&watch));
    let served = serve(app, &settings);
    watch.stop();
    if live.join().is_err() {
        bail!("the thread that follows the logs broke down");
    }
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Whether this process may do anything. Unknown where there is no /proc.
fn is_root() -> bool {
    #[cfg(unix)]
    return std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0);
    #[cfg(not(unix))]
    false
}

fn serve(app: App, settings: &Settings) -> Result<()> {
    runtime()?.block_on(async {
        let listening = http::bind(settings).await?;
        let address = format!("{}://{}/", listening.scheme(), listening.address()?);
        let set_up = set_up_link(&app, &address)?;
        answer(app, listening, stopped()?, || {
            say(&address)?;
            set_up.iter().try_for_each(|line| say(line))
        })
        .await
    })
}

/// What to print where nobody can sign in yet: a link that makes the first account, good once and for a day.
fn set_up_link(app: &App, address: &str) -> Result<Option<String>> {
    if app.accounts().has_system_admin()? {
        return Ok(None);
    }
    // What a service prints is kept in the system's journal, where more people read than should use it.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        return Ok(Some("no account yet: run `mailtally account setup-link`, or `mailtally account add`".to_owned()));
    }
    let link = account::make_set_up_link(app.accounts(), address)?;
    Ok(Some(format!("no account yet: make the first one at {link} (good once, for a day)")))
}

fn say(line: &str) -> Result<()> {
    match writeln!(io::stdout(), "{line}") {
        // Whoever started us has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said.context("cannot print the address"),
    }
}

pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// Serves until `stop` is done. `say` prints the address, which answers by then.
pub async fn answer(
    app: App,
    listening: Listening,
    stop: impl Future<Output = ()>,
    say: impl FnOnce() -> Result<()>,
) -> Result<()> {
    say()?;
    http::serve(listening, Arc::new(app), stop).await;
    Ok(())
}

/// Done when the process is told to stop. The handlers stand when this returns, so that no signal is lost.
pub fn stopped() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let handle = |kind| signal(kind).context("cannot listen for signals");
        let (mut interrupt, mut terminate) = (handle(SignalKind::interrupt())?, handle(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
