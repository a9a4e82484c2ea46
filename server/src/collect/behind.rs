//! Writes a batch on a thread of its own while the next one is read.
//!
//! Batches are written in the order in which they come, each whole with the places that it brings the sources to, and
//! after one that failed none is: what is in the store is always a beginning of what was read. At most two are in
//! memory, the one that is being written and the one that is being filled.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};

use crate::batch::Batch;
use crate::store::Store;

pub struct Behind {
    batches: SyncSender<Batch>,
    /// One word for each batch that is in the store and gone from memory.
    written: Receiver<()>,
    is_writing: bool,
    writer: JoinHandle<(Store, Result<()>)>,
}

impl Behind {
    pub fn new(mut store: Store) -> Behind {
        let (batches, incoming) = sync_channel::<Batch>(1);
        let (done, written) = sync_channel(1);
        let writer = thread::spawn(move || {
            let result = incoming.iter().try_for_each(|batch| {
                store.commit_for_good(batch)?;
                // Nobody waits after the last.
                let _ = done.send(());
                Ok(())
            });
            (store, result)
        });
        Behind { batches, written, is_writing: false, writer }
    }

    /// Waits until the batch before is in the store, so that what a commit brings together is not held twice: a busy
    /// server's open state is tens of MB. `false`: it could not be written, and [`Behind::finish`] says why.
    pub fn wait(&mut self) -> bool {
        !std::mem::take(&mut self.is_writing) || self.written.recv().is_ok()
    }

    /// Hands a batch over, after [`Behind::wait`]. `false` as there.
    pub fn commit(&mut self, batch: Batch) -> bool {
        self.is_writing = true;
        self.batches.send(batch).is_ok()
    }

    /// Waits until all is written and gives the store back.
    pub fn finish(self) -> Result<(Store, Result<()>)> {
        drop(self.batches);
        self.writer.join().map_err(|_| anyhow!("a fault ended the writing"))
    }
}
