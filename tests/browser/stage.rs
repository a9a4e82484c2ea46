//! What all tests here stand on, started when the first of them needs it, and how one of them is run.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Failed, Trial};
use mailtally_tests::chrome::Chromedriver;
use mailtally_tests::{Page, Server};

/// One demo and one chromedriver.
#[derive(Default)]
pub struct Stage {
    demo: Shared<Server>,
    driver: Shared<Chromedriver>,
}

impl Stage {
    pub fn demo(&self) -> Result<&Server> {
        self.demo.get(Server::demo)
    }

    pub fn driver(&self) -> Result<&Chromedriver> {
        self.driver.get(Chromedriver::start)
    }
}

/// A value that the first one to ask for it makes, while the others wait. What failed once is not tried again.
struct Shared<T>(OnceLock<Result<T, String>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared(OnceLock::new())
    }
}

impl<T> Shared<T> {
    fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        let made = self.0.get_or_init(|| make().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

/// A test as libtest knows it. The browser is closed however the test ends.
pub fn trial<F>(stage: &Arc<Stage>, name: &str, test: F) -> Trial
where
    F: AsyncFnOnce(&Stage, &Page) -> Result<()> + Send + 'static,
{
    let stage = Arc::clone(stage);
    Trial::test(name, move || run(&stage, test).map_err(|error| Failed::from(format!("{error:#}"))))
}

fn run(stage: &Stage, test: impl AsyncFnOnce(&Stage, &Page) -> Result<()>) -> Result<()> {
    let url = &stage.demo()?.url;
    let driver = stage.driver()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let page = runtime.block_on(Page::open(driver, url))?;
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(stage, &page))));
    let closed = runtime.block_on(page.close());
    result.unwrap_or_else(|panic| resume_unwind(panic)).and(closed)
}
