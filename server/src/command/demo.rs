//! `mailtally demo`: the product on a made-up year, in a directory that is gone when it ends. The year comes in as
//! log files, through the same import as anyone's, and goes on while it is looked at.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use indicatif::HumanCount;
use mailtally_model::Time;
use tempfile::TempDir;

use super::import::{self, Given, ReadingArgs};
use super::serve::{self, AppArgs};
use crate::account::password::{self, Password};
use crate::account::{self, Link, Secret};
use crate::collect::{self, Collector, Live, Reading, Watch};
use crate::demo::{self, Plan, Written};
use crate::http::{self, App};
use crate::settings::Settings;
use crate::source::files;
use crate::store::Store;

/// How often the story goes on: fresher than a person looks.
const TICK: Duration = Duration::from_secs(2);
/// One account of each kind: name, root, who they are.
const ACCOUNTS: [(&str, &str, &str); 3] = [
    ("admin", "(server)", "system admin"),
    ("carla@example.com", "example.com", "domain admin of example.com"),
    ("ann@example.com", "ann@example.com", "user ann@example.com"),
];
/// A thread that still writes can put a file into a directory that is being removed.
const REMOVALS: usize = 10;

/// Show the product on a made-up year of a mail server
///
/// Nothing is read from this machine and nothing is left on it: the logs and the data are in a temporary directory.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Loopback address to listen on [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), hide_default_value = true)]
    listen: SocketAddr,
    /// About how many log lines the year has
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    lines: u64,
    /// Another seed is another year
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only write the log files into this directory
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    #[command(flatten)]
    app: AppArgs,
}

pub fn run(args: &DemoArgs, settings: &Settings) -> Result<ExitCode> {
    let now = collect::now();
    let plan = Plan { seed: args.seed, lines: args.lines, until: Time(now.0 - now.0.rem_euclid(60)) };
    match &args.write {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            write(plan, dir, |_| ())?;
        }
        None => show(args, plan, settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(plan: Plan, dir: &Path, each: impl FnMut(&Path) + Send) -> Result<Written> {
    let began = Instant::now();
    let written = demo::write(plan, dir, each).context("cannot write the made-up logs")?;
    let (lines, files) = (HumanCount(written.lines), written.files.len());
    eprintln!("made up {lines} log lines in {files} files in {:.1} s", began.elapsed().as_secs_f64());
    Ok(written)
}

/// Writes, counts and serves the year, until told to stop.
fn show(args: &DemoArgs, plan: Plan, settings: &Settings) -> Result<()> {
    let assets = args.app.assets()?;
    let site: Settings = toml::from_str(demo::SITE).context("in the settings of the demo's site")?;
    let settings = Settings { zone: settings.zone.clone(), ..site };
    let folder = tempfile::Builder::new().prefix("mailtally-demo-").tempdir().context("cannot make a directory")?;
    let (logs, data) = (folder.path().join("logs"), folder.path().join("data"));
    let runtime = serve::runtime()?;
    let watch = Arc::new(Watch::default());
    let served = runtime.block_on(async {
        let mut stop = pin!(serve::stopped()?);
        // An address in use is said at once, not when the year is counted.
        let settings = Settings { listen: args.listen, ..settings };
        let listening = http::bind(&settings).await?;
        let counted = {
            let (data, settings) = (data.clone(), settings.clone());
            tokio::task::spawn_blocking(move || count(plan, &logs, &data, &settings))
        };
        let written = tokio::select! {
            counted = counted => counted.context("the demo broke off")??,
            () = &mut stop => return Ok(()),
        };
        go_on(written, &data, &settings, &watch)?;
        let app = App::new(&data, assets, &settings)?.watched_by(Arc::clone(&watch));
        let words = accounts(&app, &format!("http://{}/", listening.address()?), collect::now())?;
        serve::answer(app, listening, stop, || write!(io::stdout(), "{words}").context("cannot print the address"))
            .await
    });
    watch.stop();
    // What still runs ends with the process.
    runtime.shutdown_background();
    remove(folder);
    served
}

/// Makes one account of each kind, and says how to get in: last, an address that opens signed in.
fn accounts(app: &App, address: &str, now: Time) -> Result<String> {
    let mut words = String::new();
    for (name, root, who) in ACCOUNTS {
        // Not the demo's to choose: whoever reaches the address must not know it.
        let password = Secret::random().reveal()[..16].to_owned();
        let chosen = Password::chosen(&password, name).context("cannot choose a password")?;
        let root = account::root(root).context("the demo's accounts have roots")?;
        app.accounts().unasked().add(name, &root, &password::hash(&chosen), now)?;
        words.push_str(&format!("{who:<28} {name:<18} {password}\n"));
    }
    let admin = app.accounts().find(ACCOUNTS[0].0)?.context("it was just made")?;
    let until = now.plus_secs(account::SETUP_LINK_SECS);
    let link = app.accounts().make_link(Link::SignIn(admin.id), until)?;
    words.push_str(&format!("signed in as system admin, once: {address}#link={}\n", link.reveal()));
    Ok(words)
}

/// Makes up the year, and counts each week while the next is made up.
fn count(plan: Plan, logs: &Path, data: &Path, settings: &Settings) -> Result<Written> {
    std::fs::create_dir(logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let mut store = Store::open(data)?;
    store.mark_demo()?;
    let reading = reading(settings, plan.until)?;
    let mut collector = Collector::into_store(store, &settings.mail, &reading)?.in_zone(settings.zone_name());
    let (on_disk, weeks) = mpsc::channel();
    thread::scope(|scope| {
        let story = scope.spawn(|| write(plan, logs, move |week| drop(on_disk.send(week.to_owned()))));
        // Ends when the story does, whole or broken off.
        let mut weeks = weeks.iter().filter_map(|week: PathBuf| files::look(&week).ok());
        let mut given = Given::default();
        given.files.extend(weeks.next());
        let imported = import::read_growing(&given, &mut weeks, &mut collector, &reading)?;
        let written = story.join().map_err(|_| anyhow!("a fault ended the made-up year"))??;
        ensure!(
            imported.is_whole() && imported.files.len() == written.files.len(),
            "the made-up logs were not read to their end"
        );
        Ok(written)
    })
}

fn reading(settings: &Settings, now: Time) -> Result<Reading> {
    let utc = ReadingArgs { log_zone: Some("UTC".to_owned()), ..ReadingArgs::default() };
    utc.reading(settings, now)
}

/// Lets the story go on in its log, and follows that as any log that grows.
fn go_on(mut written: Written, data: &Path, settings: &Settings, watch: &Arc<Watch>) -> Result<()> {
    let mut settings = settings.clone();
    settings.host.sample = false;
    settings.collect.files = written.files.last().map(|path| path.display().to_string()).into_iter().collect();
    let reading = reading(&settings, collect::now())?;
    Live::spawn(Store::open(data)?, data.to_owned(), settings, reading, Arc::clone(watch));
    thread::spawn(move || {
        loop {
            thread::sleep(TICK);
            if let Err(error) = written.append_until(collect::now()) {
                // When the demo ends, its directory goes first.
                tracing::debug!(%error, "the made-up year ends here");
                return;
            }
        }
    });
    Ok(())
}

fn remove(folder: TempDir) {
    let path = folder.keep();
    for _ in 0..REMOVALS {
        if std::fs::remove_dir_all(&path).is_ok() || !path.exists() {
            return;
        }
    }
    tracing::warn!("cannot remove {}", path.display());
}
