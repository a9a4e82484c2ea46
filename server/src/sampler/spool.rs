//! How many messages wait in Postfix's queue: names counted, nothing opened.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Queues that hold messages; `defer` and `bounce` hold their reasons, `corrupt` what is none.
const QUEUES: [&str; 5] = ["maildrop", "incoming", "active", "deferred", "hold"];

/// A spool that takes longer or holds more is not measured, rather than measured in part.
const MAX_FILES: u64 = 200_000;
const MAX_TIME: Duration = Duration::from_secs(2);

/// Queues are hashed into folders of one character, `hash_queue_depth` deep (1 by default).
const MAX_DEPTH: u32 = 4;

/// `None` when the queue may not be read, or not in time.
pub fn count(queue: &Path) -> Option<u64> {
    let deadline = Instant::now() + MAX_TIME;
    let mut files = 0;
    for name in QUEUES {
        match walk(&queue.join(name), MAX_DEPTH, deadline, &mut files) {
            Ok(()) => {}
            // Postfix makes `hold` and others when it first needs them; without the directory above there is no queue.
            Err(error) if error.kind() == io::ErrorKind::NotFound && queue.is_dir() => {}
            Err(_) => return None,
        }
    }
    Some(files)
}

fn walk(folder: &Path, depth: u32, deadline: Instant, files: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            *files += 1;
        } else if depth > 0 {
            walk(&entry.path(), depth - 1, deadline, files)?;
        }
        if *files > MAX_FILES || Instant::now() > deadline {
            return Err(io::Error::other("too many files"));
        }
    }
    Ok(())
}
