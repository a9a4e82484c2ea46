//! Which file is this really, and where we got to, across rotation and compression. Knows nothing of mail.
//!
//! One noun, one file:
//!
//! * [`files`]: which files are there, which are refused, what a name says of a rotation;
//! * [`pieces`]: one log and its rotated pieces at one moment, without copies that are being made;
//! * [`fingerprint`]: which file is this really, whatever its name, inode or compression;
//! * [`follow`]: one log across rotation, truncation and replacement while it grows;
//! * [`position`]: where we got to: an offset at a line end, and the hashes that prove it.
//!
//! Beside them, [`journal`] reads the systemd journal, which is no file of ours to open.
//!
//! Below them, [`unpack`] turns a file into plain bytes and [`lines`] cuts those into lines of bounded length; [`moment`]
//! is where tests change the files under a reader.

use mailtally_model::{Span, Time};
use serde::{Deserialize, Serialize};

pub mod files;
pub mod fingerprint;
pub mod follow;
pub mod journal;
pub mod lines;
pub mod moment;
pub mod pieces;
pub mod position;
pub mod unpack;

/// Which stream of bytes this is: hashes of its decompressed head and of the bytes before the position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The store's key.
    pub id: u64,
    /// Path it was last seen at, for people.
    pub path: String,
    /// Hash of the first 1 KiB, 4 KiB, 16 KiB, 64 KiB, then each MiB of decompressed bytes, as far as it was read.
    pub ladder: Vec<(u64, String)>,
    /// Hash of the 4 KiB before the position.
    pub tail: String,
    /// Decompressed offset at a line end.
    pub position: u64,
    pub lines: u64,
    pub first: Option<Time>,
    pub last: Option<Time>,
    /// The year given to the first stamp, where stamps have none.
    pub year: Option<i32>,
    /// The sources that this one goes on with after a rotation, if they end in the second in which it begins: a line that
    /// stands in both was logged twice. In any other second, equal lines of two sources are copies.
    pub follows: Vec<u64>,
    /// Log time that was overwritten before it was read, the newest last; [`MAX_GAPS`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Span>,
    /// What is wrong with its bytes, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// The last entry that was read, of a journal; `position` then counts entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Losses remembered of one source: more of them are a fault of the rotation, and the oldest are forgotten.
pub const MAX_GAPS: usize = 16;

impl SourceState {
    /// Remembers a loss.
    pub fn lost(&mut self, hole: Span) {
        self.gaps.push(hole);
        let excess = self.gaps.len().saturating_sub(MAX_GAPS);
        self.gaps.drain(..excess);
    }
}
