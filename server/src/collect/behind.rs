//! Writes a batch on a thread of its own while the next one is read.
//!
//! Batches are written in the order in which they come, each whole with the places that it brings the sources to, and
//! after one that failed none is: what is in the store is always a beginning of what was read. At most two are in
//! memory, the one that is being written and the one that is being filled.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};

use crate::batch::Batch;
use crate::store::Store;

pub struct Behind {
    batches: SyncSender<Batch>,
    writer: JoinHandle<(Store, Result<()>)>,
}

impl Behind {
    pub fn new(mut store: Store) -> Behind {
        // No room between the two: whoever hands over waits until the batch before is written.
        let (batches, incoming) = sync_channel::<Batch>(0);
        let writer = thread::spawn(move || {
            let written = incoming.iter().try_for_each(|batch| store.commit(&batch));
            (store, written)
        });
        Behind { batches, writer }
    }

    /// Hands a batch over; when this returns `true`, all before it are in the store. `false`: one of them failed, and
    /// [`Behind::finish`] says why.
    pub fn commit(&self, batch: Batch) -> bool {
        self.batches.send(batch).is_ok()
    }

    /// Waits until all is written and gives the store back.
    pub fn finish(self) -> Result<(Store, Result<()>)> {
        drop(self.batches);
        self.writer.join().map_err(|_| anyhow!("a fault ended the writing"))
    }
}
