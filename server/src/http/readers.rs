//! Connections to the data file, lent to one question each, on threads that may block. What runs and what waits is
//! bounded, so that many askers never hold up the writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::InterruptHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::Refusal;
use crate::store::Reader;

/// Questions read at a time: a few cores' worth; more only take turns at the disk.
const MAX_RUNNING: usize = 4;
/// Questions that run or wait: a browser tab asks a handful at once. Beyond it clients are sent away for a moment.
const MAX_ADMITTED: usize = 128;
/// A question that takes longer is given up: the largest answer takes about a second.
const MAX_TIME: Duration = Duration::from_secs(30);

pub struct Readers {
    dir: PathBuf,
    idle: Arc<Mutex<Vec<Reader>>>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Readers {
    pub fn new(dir: &Path) -> Readers {
        Readers {
            dir: dir.to_owned(),
            idle: Arc::default(),
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            admitted: Arc::new(Semaphore::new(MAX_ADMITTED)),
        }
    }

    /// Runs `read` on a thread of its own. When the client leaves midway, this future is dropped, and the reading is
    /// interrupted with it; it is counted as running until it has stopped, however often its like are asked and left.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        timeout(MAX_TIME, self.take_turn(admitted, read)).await.unwrap_or(Err(Refusal::Busy))
    }

    /// Looks at what a few pages tell, here and now: where a connection lies idle, a thread that may block would take longer
    /// to wake than to look. `None`: all are lent, or it failed; then it is a question like others.
    pub fn glance<T>(&self, look: impl FnOnce(&Reader) -> anyhow::Result<T>) -> Option<T> {
        let _admitted = self.admitted.try_acquire().ok()?;
        let _turn = self.running.try_acquire().ok()?;
        let reader = self.idle.try_lock().ok()?.pop()?;
        let seen = look(&reader).ok();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        seen
    }

    async fn take_turn<T: Send + 'static>(
        &self,
        admitted: OwnedSemaphorePermit,
        read: impl FnOnce(&Reader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Refusal::Busy)?;
        let lent = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match lent {
            Some(reader) => reader,
            None => Reader::open(&self.dir)?,
        };
        let abandoned = Abandoned(Arc::new(Mutex::new(Some(reader.interrupt_handle()))));
        let (reading, idle) = (Arc::clone(&abandoned.0), Arc::clone(&self.idle));
        let run = move || {
            let answer = read(&reader);
            // Not to be interrupted from here on: the connection is lent to another question. A closed one would keep
            // its file open for as long as any other reads (SQLite, on POSIX locks).
            reading.lock().unwrap_or_else(PoisonError::into_inner).take();
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop((turn, admitted));
            answer
        };
        tokio::task::spawn_blocking(run).await.map_err(anyhow::Error::new)?
    }

    #[cfg(test)]
    pub fn occupy_all(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.admitted.try_acquire_many(MAX_ADMITTED as u32).expect("nobody else asks in this test")
    }
}

/// Interrupts its reading if it is dropped before the reading is done.
struct Abandoned(Arc<Mutex<Option<InterruptHandle>>>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(handle) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            handle.interrupt();
        }
    }
}

#[cfg(test)]
mod tests {
    use mailtally_model::{Slot, Subject, measure};
    use tokio::sync::oneshot;

    use super::*;
    use crate::batch::Batch;
    use crate::store::Store;

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_is_interrupted() {
        // FAULTS 71
        let dir = tempfile::tempdir().expect("a directory");
        let mut batch = Batch::default();
        for slot in [0, 96, 192] {
            batch.counters.add(&Subject::Server, measure::POP_CONNECTIONS.number, Slot(slot), 1);
        }
        Store::open(dir.path()).expect("a store").commit(&batch).expect("room");
        let readers = Readers::new(dir.path());
        let (began, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let (ended, has_ended) = oneshot::channel();
        let asking = readers.read(move |reader| {
            let (mut began, mut rows) = (Some(began), 0);
            let outcome = reader.each_counter(|_, _, _, _| {
                rows += 1;
                if let Some(began) = began.take() {
                    began.send(()).expect("someone listens");
                    may_go_on.recv().expect("a word");
                }
            });
            ended.send((outcome.is_err(), rows)).expect("someone listens");
            Ok(())
        });
        tokio::select! {
            _ = asking => panic!("the answer waits for a word"),
            begun = has_begun => begun.expect("it begins"),
        }
        // By here the client has left, in the middle of a statement. What it asked still takes its turn.
        assert_eq!(readers.running.available_permits(), MAX_RUNNING - 1);
        go_on.send(()).expect("someone listens");
        assert_eq!(has_ended.await.expect("it ends"), (true, 1));
        assert!(!readers.read(|reader| Ok(reader.is_demo()?)).await.expect("another is answered"));
        // Lent turns come back; were one lost, this fails and does not hang.
        let all = timeout(MAX_TIME, readers.running.acquire_many(MAX_RUNNING as u32)).await;
        assert!(all.is_ok(), "each turn is given back");
        assert!((1..=2).contains(&readers.idle.lock().expect("nobody panicked").len()), "connections are lent again");
    }
}
