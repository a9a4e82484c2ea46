//! Cuts plain bytes into lines of bounded length, and knows the place after each.
//!
//! A record ends at a newline and nowhere else: a carriage return is part of the text. What a writer left behind after
//! its file was truncated under it, a run of NUL bytes, is no part of the line that follows.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use memchr::memchr;

use super::moment;
use super::position::{Cursor, TAIL_BYTES};
use super::unpack::{Damage, Unpacked};

/// Longer lines are cut here and the rest skipped: syslog daemons send 8 KiB at most, so this is no log line.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// Big reads, and room for some lines of the greatest length.
const BUFFER_BYTES: usize = 256 * 1024;
/// A line of more is skipped and not held until it ends: it would fill the buffer, and a read into no room looks like the end of
/// the file.
const MOST_HELD_BYTES: usize = BUFFER_BYTES / 2;

/// What to do with a last line that has no newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLine {
    /// Its writer is not done yet.
    HoldBack,
    /// Nobody will finish it.
    Take,
}

/// The lines of a file from a place on.
pub struct Lines {
    bytes: Unpacked,
    buffer: Vec<u8>,
    /// Bytes of the buffer before this one are in `cursor`.
    marked: usize,
    /// The first byte that was not taken.
    start: usize,
    /// The first byte that was not read.
    end: usize,
    /// The place at `marked`.
    cursor: Cursor,
    found: Option<Found>,
    /// A line that does not fit the buffer: its beginning, and the place that skipping has come to.
    long: Option<(Vec<u8>, Cursor)>,
    /// The place is inside a line that was taken without its newline: what is left of it is skipped.
    inside_line: bool,
    cut: u64,
    /// What was read is no longer what the file holds: the rest of the file is of another stream.
    overwritten: bool,
    /// Nothing is given out yet.
    waits: bool,
}

/// The line that was looked at and not taken.
#[derive(Clone, Copy)]
enum Found {
    /// Its text, and where the next one begins.
    InBuffer {
        from: usize,
        to: usize,
        next: usize,
    },
    Long,
}

impl Lines {
    /// The lines of `bytes`, which stand at the place of `cursor`.
    pub fn new(bytes: Unpacked, cursor: Cursor) -> Lines {
        Lines {
            bytes,
            buffer: vec![0; BUFFER_BYTES],
            marked: 0,
            start: 0,
            end: 0,
            inside_line: !cursor.is_at_line_end(),
            cursor,
            found: None,
            long: None,
            cut: 0,
            overwritten: false,
            waits: false,
        }
    }

    /// Reads the first bytes, if there are any by now; those that wait are read anew.
    pub fn read_first(&mut self) -> io::Result<()> {
        if self.waits {
            self.bytes.skip_to(0)?;
            (self.start, self.end) = (0, 0);
        }
        if self.cursor().position() == 0 && self.start == self.end && self.long.is_none() {
            self.read_more()?;
        }
        Ok(())
    }

    /// Whether two of which nothing was taken hold the same first bytes, as far as both were read.
    pub fn begins_like(&self, other: &Lines) -> bool {
        let first = |lines: &Lines| lines.cursor.position() == 0 && lines.marked == 0 && lines.start == 0;
        let both = self.end.min(other.end);
        first(self) && first(other) && both > 0 && self.buffer[..both] == other.buffer[..both]
    }

    /// From now on nothing is given out before [`Lines::go_on`]: the first bytes of a log cannot be told from those of
    /// another stream that was written over them, as later ones can.
    pub fn wait(&mut self) {
        self.waits = self.cursor().position() == 0;
    }

    /// The first bytes, if there are any, are those that come next.
    pub fn go_on(&mut self) {
        self.waits = self.waits && self.end == 0;
    }

    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The next line, without its newline; the same again until it is taken. `None` at the end, for now: a file that
    /// grows may have more later.
    pub fn peek(&mut self, last: LastLine) -> io::Result<Option<&[u8]>> {
        if self.found.is_none() && !self.waits {
            self.find(last)?;
        }
        Ok(match &self.found {
            Some(Found::InBuffer { from, to, .. }) => Some(&self.buffer[*from..*to]),
            Some(Found::Long) => Some(self.long.as_ref().map_or(&[][..], |(line, _)| line)),
            None => None,
        })
    }

    /// Takes the line that was looked at: the place is now after it.
    pub fn take(&mut self) {
        match &self.found {
            Some(Found::InBuffer { next, .. }) => {
                self.start = *next;
                self.inside_line = self.buffer[..*next].last() != Some(&b'\n');
            }
            Some(Found::Long) => {
                self.take_long();
                self.inside_line = !self.cursor.is_at_line_end();
            }
            None => {}
        }
        self.found = None;
    }

    /// Takes the lines that come next as long as they are alike, as far as they were read: for who has nothing new to learn of
    /// them but of the last, which it gives. `is_alike` is shown what is read from the beginning of a line on.
    pub fn skip_while(&mut self, is_alike: impl Fn(&[u8]) -> bool) -> Option<&[u8]> {
        if self.found.is_some() || self.long.is_some() || self.inside_line || self.waits {
            return None;
        }
        let mut last = None;
        while is_alike(&self.buffer[self.start..self.end]) {
            match memchr(b'\n', &self.buffer[self.start..self.end]) {
                Some(length) if length <= MAX_LINE_BYTES => {
                    last = Some(self.start..self.start + length);
                    self.start += length + 1;
                }
                _ => break,
            }
        }
        last.map(|last| &self.buffer[last])
    }

    /// The place after the last line that was taken.
    pub fn cursor(&mut self) -> &Cursor {
        if self.long.is_none() {
            self.cursor.feed(&self.buffer[self.marked..self.start]);
            self.marked = self.start;
        }
        &self.cursor
    }

    /// Nobody will come back to where these lines were read to: hashing all of a file to know it again is for its reader,
    /// and not for a first look.
    pub fn forget_place(&mut self) {
        self.cursor.forget();
    }

    /// Lines that were cut at [`MAX_LINE_BYTES`] so far.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    pub fn damage(&self) -> Option<Damage> {
        self.bytes.damage()
    }

    /// Bytes of the file itself that were read; for progress.
    pub fn packed_read(&mut self) -> u64 {
        self.bytes.packed_read()
    }

    /// Whether the bytes stand in the file as they are, so that it stays open and grows.
    pub fn is_plain(&self) -> bool {
        self.bytes.plain().is_some()
    }

    /// Bytes of a plain file behind the place; of a packed one nothing is known of the rest.
    pub fn unread(&mut self) -> u64 {
        let position = self.cursor().position();
        let length = self.bytes.plain().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
        length.saturating_sub(position)
    }

    /// Whether bytes were read that make no whole line yet.
    pub fn holds_back(&self) -> bool {
        self.long.is_some() || self.start < self.end
    }

    /// Whether what was read is no longer what the file holds: it was truncated, or something else was written into it.
    /// Once so, always so: what was read before still comes out, and nothing more is read.
    pub fn is_overwritten(&mut self) -> io::Result<bool> {
        self.overwritten = self.overwritten || !self.still_holds(self.end)?;
        Ok(self.overwritten)
    }

    /// Whether a plain file still holds the last bytes that were read of it, up to `end` of the buffer, and at the place
    /// of the line that comes next.
    fn still_holds(&mut self, end: usize) -> io::Result<bool> {
        self.cursor();
        let Some(file) = self.bytes.plain() else { return Ok(true) };
        let before = &self.cursor;
        // The place of the first byte in the buffer that was not taken.
        let from = self.long.as_ref().map_or(before.position(), |(_, cursor)| cursor.position());
        let held = &self.buffer[self.start..end];
        let read_to = from + held.len() as u64;
        if file.metadata()?.len() < read_to {
            return Ok(false);
        }
        let last = &held[held.len().saturating_sub(TAIL_BYTES)..];
        let is_last = holds(file, last, read_to - last.len() as u64)?;
        Ok(is_last && holds(file, before.tail(), before.position() - before.tail().len() as u64)?)
    }

    /// Looks for the next line and says in `found` where it stands. What is given back by value is put together in memory and
    /// read again at once, for which the processor waits.
    fn find(&mut self, last: LastLine) -> io::Result<()> {
        if self.long.is_some() {
            self.found = self.skip_long(last)?;
            return Ok(());
        }
        let mut scanned = self.start;
        loop {
            if let Some(length) = memchr(b'\n', &self.buffer[scanned..self.end]) {
                let newline = scanned + length;
                if self.inside_line {
                    self.inside_line = false;
                    self.start = newline + 1;
                    scanned = self.start;
                    continue;
                }
                self.found_in_buffer(newline, newline + 1);
                return Ok(());
            }
            if self.end - self.start >= MOST_HELD_BYTES {
                self.cursor();
                self.long = Some((Vec::new(), self.cursor.clone()));
                self.found = self.skip_long(last)?;
                return Ok(());
            }
            scanned = self.end;
            let moved = self.make_room();
            scanned -= moved;
            if self.read_more()? == 0 {
                let is_whole = last == LastLine::Take && !self.loses_lines() && !self.inside_line;
                if is_whole && self.start < self.end {
                    self.found_in_buffer(self.end, self.end);
                }
                return Ok(());
            }
        }
    }

    /// The line from `start` to `to`, without the NUL bytes before it and what is too much of it.
    fn found_in_buffer(&mut self, to: usize, next: usize) {
        let nuls = self.buffer[self.start..to].iter().take_while(|&&byte| byte == 0).count();
        let from = self.start + nuls;
        if to - from > MAX_LINE_BYTES {
            self.cut += 1;
        }
        self.found = Some(Found::InBuffer { from, to: to.min(from + MAX_LINE_BYTES), next });
    }

    /// Reads on to the newline of a line that does not fit, keeping its beginning alone.
    fn skip_long(&mut self, last: LastLine) -> io::Result<Option<Found>> {
        loop {
            let Some((line, cursor)) = &mut self.long else { return Ok(None) };
            let unread = &self.buffer[self.start..self.end];
            let newline = memchr(b'\n', unread);
            let text = &unread[..newline.unwrap_or(unread.len())];
            let nuls = if line.is_empty() { text.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
            let room = MAX_LINE_BYTES + 1 - line.len();
            line.extend(text[nuls..].iter().take(room));
            let used = newline.map_or(unread.len(), |at| at + 1);
            cursor.feed(&unread[..used]);
            self.start += used;
            self.marked = self.start;
            if newline.is_some() && self.inside_line {
                self.inside_line = false;
                self.take_long();
                self.find(last)?;
                return Ok(self.found.take());
            }
            if newline.is_some() {
                return Ok(Some(self.cut_long()));
            }
            self.make_room();
            if self.read_more()? == 0 {
                let is_whole = last == LastLine::Take && !self.loses_lines() && !self.inside_line;
                return Ok(is_whole.then(|| self.cut_long()));
            }
        }
    }

    fn cut_long(&mut self) -> Found {
        if let Some((line, _)) = &mut self.long
            && line.len() > MAX_LINE_BYTES
        {
            line.truncate(MAX_LINE_BYTES);
            self.cut += 1;
        }
        Found::Long
    }

    fn take_long(&mut self) {
        if let Some((_, cursor)) = self.long.take() {
            self.cursor = cursor;
        }
    }

    /// The last line of a file that ends in the middle, or was cut under us, is no whole line.
    fn loses_lines(&self) -> bool {
        self.overwritten || self.bytes.damage().is_some_and(Damage::loses_lines)
    }

    /// Moves what is not taken to the front of the buffer; gives how far.
    fn make_room(&mut self) -> usize {
        let moved = self.start;
        if moved == 0 {
            return 0;
        }
        if self.long.is_none() {
            self.cursor();
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= moved;
        self.start = 0;
        self.marked = 0;
        moved
    }

    fn read_more(&mut self) -> io::Result<usize> {
        if self.overwritten {
            return Ok(0);
        }
        let read = loop {
            moment::pass();
            match self.bytes.read(&mut self.buffer[self.end..]) {
                Ok(n) => break n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        // Looked at after the reading: what comes does go on with what was read before, or it is not taken.
        if read > 0 && !self.still_holds(self.end)? {
            self.overwritten = true;
            return Ok(0);
        }
        self.end += read;
        Ok(read)
    }
}

fn holds(file: &File, bytes: &[u8], from: u64) -> io::Result<bool> {
    let mut now = vec![0; bytes.len()];
    match file.read_exact_at(&mut now, from) {
        Ok(()) => Ok(now == bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    struct Log {
        file: tempfile::NamedTempFile,
        lines: Lines,
    }

    fn open(file: &tempfile::NamedTempFile) -> Unpacked {
        Unpacked::new(File::open(file.path()).expect("a temporary file")).expect("plain bytes")
    }

    fn log(bytes: &[u8]) -> Log {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("a temporary file");
        let lines = Lines::new(open(&file), Cursor::default());
        Log { file, lines }
    }

    impl Log {
        fn write(&mut self, bytes: &[u8]) {
            self.file.write_all(bytes).expect("a temporary file");
        }

        fn all(&mut self, last: LastLine) -> Vec<Vec<u8>> {
            let mut all = Vec::new();
            while let Some(line) = self.lines.peek(last).expect("a temporary file") {
                all.push(line.to_vec());
                self.lines.take();
            }
            all
        }

        fn check(&mut self, last: LastLine, expected: &[&str]) {
            let lines = self.all(last);
            let lines: Vec<&str> = lines.iter().map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
            assert_eq!(lines, expected);
        }
    }

    // FAULTS 27
    #[test]
    fn a_partial_line_is_held_back_until_it_is_finished() {
        let mut log = log(b"one\ntw");
        log.check(LastLine::HoldBack, &["one"]);
        assert_eq!(log.lines.cursor().position(), 4);
        assert!(log.lines.holds_back());
        log.write(b"o\nthree\n");
        log.check(LastLine::HoldBack, &["two", "three"]);
        assert!(!log.lines.holds_back());
    }

    // FAULTS 28: taken when nobody will finish it; what is written later all the same is the rest of that line.
    #[test]
    fn a_last_line_without_a_newline_is_taken_at_the_end() {
        let mut log = log(b"one\ntw");
        log.check(LastLine::Take, &["one", "tw"]);
        log.write(b"o\nthree\n");
        log.check(LastLine::Take, &["three"]);
        let place = log.lines.cursor().clone();
        assert_eq!(place.position(), 14);
    }

    #[test]
    fn lines_that_are_alike_are_skipped_as_if_they_were_taken() {
        let long = format!("a {}\n", "x".repeat(MAX_LINE_BYTES));
        for (bytes, last, expected) in [
            ("a 1\na 2\na 2.\nb 3\na 4\n", Some("a 2."), &["b 3", "a 4"][..]),
            ("a 1\na 2\na 3", Some("a 2"), &["a 3"]),
            ("a 1\n\0a 2\na 3\n", None, &["a 2", "a 3"]),
            (&format!("a 1\na 2\n{long}"), Some("a 2"), &[&long[..MAX_LINE_BYTES]]),
        ] {
            let mut log = log(bytes.as_bytes());
            assert!(log.lines.peek(LastLine::Take).expect("a temporary file").is_some());
            // Not before the line that was looked at is taken.
            let is_alike = |bytes: &[u8]| bytes.starts_with(b"a ");
            assert_eq!(log.lines.skip_while(is_alike), None);
            assert_eq!(log.lines.cursor().position(), 0);
            log.lines.take();
            assert_eq!(log.lines.skip_while(is_alike), last.map(str::as_bytes));
            log.check(LastLine::Take, expected);
            assert_eq!(log.lines.cursor().position(), bytes.len() as u64);
        }
    }

    // FAULTS 42
    #[test]
    fn nul_bytes_before_a_line_go_and_a_carriage_return_stays() {
        let mut some = log(b"\0\0\0one\r\nt\rwo\n\n");
        some.check(LastLine::HoldBack, &["one\r", "t\rwo", ""]);
        let mut hole = log(&[vec![0; 700_000], b"one\ntwo\n".to_vec()].concat());
        hole.check(LastLine::HoldBack, &["one", "two"]);
        assert_eq!(hole.lines.cut(), 0);
    }

    // FAULTS 43
    #[test]
    fn a_long_line_is_cut_and_the_rest_skipped() {
        for length in [MAX_LINE_BYTES + 1, 2 * MAX_LINE_BYTES, 300_000, 1_000_000] {
            let bytes = [b"one\n".to_vec(), vec![b'x'; length], b"\nthree\n".to_vec()].concat();
            let mut log = log(&bytes);
            let lines = log.all(LastLine::HoldBack);
            let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
            assert_eq!(lengths, [3, MAX_LINE_BYTES, 5], "a line of {length}");
            assert_eq!(log.lines.cut(), 1);
            let mut straight = Cursor::default();
            straight.feed(&bytes);
            assert_eq!(log.lines.cursor().tail_hash(), straight.tail_hash());
            assert_eq!(log.lines.cursor().ladder().rungs(), straight.ladder().rungs());
        }
    }

    // FAULTS 43: until its newline comes, the place stays before it.
    #[test]
    fn an_unfinished_long_line_is_held_back() {
        let mut log = log(&[b"one\n".to_vec(), vec![b'x'; 500_000]].concat());
        log.check(LastLine::HoldBack, &["one"]);
        assert_eq!(log.lines.cursor().position(), 4);
        log.write(b"x\ntwo\n");
        assert_eq!(log.all(LastLine::HoldBack).len(), 2);
        assert_eq!(log.lines.cursor().position(), 500_010);
    }

    #[test]
    fn reading_goes_on_from_a_place() {
        let bytes: Vec<u8> = (0..50_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut first = log(&bytes);
        for _ in 0..30_000 {
            first.lines.peek(LastLine::HoldBack).expect("a temporary file");
            first.lines.take();
        }
        first.lines.peek(LastLine::HoldBack).expect("a temporary file");
        let place = first.lines.cursor().clone();
        let mut bytes = open(&first.file);
        bytes.skip_to(place.position()).expect("a temporary file");
        let mut rest = Log { lines: Lines::new(bytes, place), file: first.file };
        assert_eq!(rest.all(LastLine::HoldBack).first().map(Vec::as_slice), Some(&b"line 30000"[..]));
    }

    // FAULTS 22, 23
    #[test]
    fn what_was_written_over_is_noticed() {
        let mut log = log(b"one\ntwo\nthr");
        log.check(LastLine::HoldBack, &["one", "two"]);
        assert!(!log.lines.is_overwritten().expect("a temporary file"));
        log.file.as_file().set_len(8).expect("a temporary file");
        assert!(log.lines.is_overwritten().expect("a temporary file"), "the partial line is gone");
        std::fs::write(log.file.path(), b"uno\ndos\ntres\n").expect("a temporary file");
        assert!(log.lines.is_overwritten().expect("a temporary file"), "it grew back");
    }
}
