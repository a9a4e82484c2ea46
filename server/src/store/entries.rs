//! Which events touched a subject in a quarter hour, and which measures they moved there, as bytes.
//!
//! One row for each of them was two thirds of the rows that an import with events wrote. An entry is what is new against
//! the one before: seconds, the event's number (zigzag), the number of measures, and these, two bytes each; all but the
//! last are varints. Entries are in the order of time and number, each event once.

use mailtally_model::{Slot, Time};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Result};

use super::sums::{Malformed, push_varint, varint};
use crate::event::EventId;

/// Where an event stands among others.
pub type Place = (Time, EventId);

/// An event in a subject's list: the numbers of the measures that moved, two bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub place: Place,
    pub measures: &'a [u8],
}

/// Entries of a slot as they are put together, in the order of their places.
pub struct Packing {
    bytes: Vec<u8>,
    last: Place,
}

impl Packing {
    pub fn of(slot: Slot) -> Packing {
        Packing { bytes: Vec::new(), last: (slot.start(), EventId(0)) }
    }

    pub fn push(&mut self, entry: &Entry<'_>) {
        let (time, id) = entry.place;
        push_varint(&mut self.bytes, time.secs_since(self.last.0) as u64);
        let step = id.0.wrapping_sub(self.last.1.0) as i64;
        push_varint(&mut self.bytes, (step << 1 ^ step >> 63) as u64);
        push_varint(&mut self.bytes, entry.measures.len() as u64 / 2);
        self.bytes.extend_from_slice(entry.measures);
        self.last = entry.place;
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The entries of a slot, in order.
pub fn unpacked(slot: Slot, bytes: &[u8]) -> Result<Vec<Entry<'_>>, Malformed> {
    Unpacking::of(slot, bytes).collect()
}

/// The same, one after the other.
pub struct Unpacking<'a> {
    rest: &'a [u8],
    last: Place,
}

impl<'a> Unpacking<'a> {
    pub fn of(slot: Slot, bytes: &'a [u8]) -> Unpacking<'a> {
        Unpacking { rest: bytes, last: (slot.start(), EventId(0)) }
    }

    fn entry(&mut self) -> Result<Entry<'a>, Malformed> {
        let (secs, after) = varint(self.rest)?;
        let (folded, after) = varint(after)?;
        let (count, after) = varint(after)?;
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(2)).ok_or(Malformed)?;
        let (measures, after) = after.split_at_checked(length).ok_or(Malformed)?;
        let (time, id) = self.last;
        let time = time.plus_secs(i64::try_from(secs).map_err(|_| Malformed)?);
        let id = EventId(id.0.wrapping_add_signed((folded >> 1) as i64 ^ -((folded & 1) as i64)));
        (self.rest, self.last) = (after, (time, id));
        Ok(Entry { place: self.last, measures })
    }
}

impl<'a> Iterator for Unpacking<'a> {
    type Item = Result<Entry<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { Some(self.entry()) }
    }
}

fn packed(slot: Slot, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut packing = Packing::of(slot);
    entries.iter().for_each(|entry| packing.push(entry));
    packing.finish()
}

/// Both lists as one; of an event that is in both, what the later says.
fn joined(slot: Slot, before: &[u8], later: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut entries = unpacked(slot, later)?;
    entries.append(&mut unpacked(slot, before)?);
    // A stable sort, so that the later one stands first.
    entries.sort_by_key(|entry| entry.place);
    entries.dedup_by_key(|entry| entry.place);
    Ok(packed(slot, &entries))
}

/// A list without one event.
fn lacking(slot: Slot, list: &[u8], gone: Place) -> Result<Vec<u8>, Malformed> {
    let mut entries = unpacked(slot, list)?;
    entries.retain(|entry| entry.place != gone);
    Ok(packed(slot, &entries))
}

/// Teaches a connection `joined(slot, list, list)`, `lacking(slot, list, time, id)` without one event, `slot_of(time)`, and
/// to pack a list, `entries(time, id, measures)`.
pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("joined", 3, flags, |of| {
        Ok(joined(Slot(of.get(0)?), of.get_raw(1).as_blob()?, of.get_raw(2).as_blob()?)?)
    })?;
    connection.create_scalar_function("lacking", 4, flags, |of| {
        Ok(lacking(Slot(of.get(0)?), of.get_raw(1).as_blob()?, place(of, 2)?)?)
    })?;
    connection.create_scalar_function("slot_of", 1, flags, |of| Ok(Time(of.get(0)?).slot().0))?;
    connection.create_aggregate_function("entries", 3, flags, Listing)
}

fn place(of: &Context<'_>, at: usize) -> Result<Place> {
    Ok((Time(of.get(at)?), EventId(of.get::<i64>(at + 1)? as u64)))
}

/// Packs the entries of one slot, whatever their order.
struct Listing;

impl Aggregate<Vec<(Place, Vec<u8>)>, Vec<u8>> for Listing {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<(Place, Vec<u8>)>> {
        Ok(Vec::new())
    }

    fn step(&self, of: &mut Context<'_>, entries: &mut Vec<(Place, Vec<u8>)>) -> Result<()> {
        entries.push((place(of, 0)?, of.get(2)?));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, entries: Option<Vec<(Place, Vec<u8>)>>) -> Result<Vec<u8>> {
        let mut entries = entries.unwrap_or_default();
        entries.sort_unstable();
        let Some(((first, _), _)) = entries.first() else { return Ok(Vec::new()) };
        let mut packing = Packing::of(first.slot());
        entries.iter().for_each(|(place, measures)| packing.push(&Entry { place: *place, measures }));
        Ok(packing.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const SLOT: Slot = Slot(7);

    type Listed = BTreeMap<Place, Vec<u8>>;

    fn pack(entries: &Listed) -> Vec<u8> {
        let entries: Vec<_> = entries.iter().map(|(place, measures)| Entry { place: *place, measures }).collect();
        packed(SLOT, &entries)
    }

    fn unpack(bytes: &[u8]) -> Listed {
        let entries = unpacked(SLOT, bytes).expect("a list");
        assert!(entries.is_sorted_by(|a, b| a.place < b.place));
        entries.into_iter().map(|entry| (entry.place, entry.measures.to_vec())).collect()
    }

    fn some() -> impl Strategy<Value = Listed> {
        let place = (0..900_i64, prop_oneof![0..50_u64, any::<u64>()]);
        let measures = prop::collection::vec(any::<[u8; 2]>(), 0..4).prop_map(|pairs| pairs.concat());
        let entry = (place.prop_map(|(secs, id)| (SLOT.start().plus_secs(secs), EventId(id))), measures);
        prop::collection::vec(entry, 0..20).prop_map(|entries| entries.into_iter().collect())
    }

    proptest! {
        #[test]
        fn lists_come_back_and_are_joined_and_cut(a in some(), b in some(), nth in 0..20_usize) {
            let mut both = a.clone();
            both.extend(b.clone());
            prop_assert_eq!(unpack(&joined(SLOT, &pack(&a), &pack(&b)).expect("two lists")), both.clone());
            let gone = both.keys().nth(nth).copied().unwrap_or((SLOT.start(), EventId(0)));
            let rest = lacking(SLOT, &pack(&both), gone).expect("a list");
            both.remove(&gone);
            prop_assert_eq!(unpack(&rest), both);
        }

        /// A damaged file is refused, and never a panic.
        #[test]
        fn any_bytes_are_a_list_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = unpacked(SLOT, &bytes);
        }
    }

    #[test]
    fn of_an_event_that_is_in_both_lists_the_later_entry_stands() {
        let place = (SLOT.start(), EventId(1));
        let list = |measures: &[u8]| packed(SLOT, &[Entry { place, measures }]);
        assert_eq!(joined(SLOT, &list(&[1, 0]), &list(&[2, 0])).expect("lists"), list(&[2, 0]));
    }
}
