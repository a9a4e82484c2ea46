//! How each plain type is read: texts, numbers, lists, pairs, maps. Those of the wire are told by `reads!` where they are declared.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{BadJson, FromJson, Json};
use crate::names::Names;
use crate::numbers::Numbers;

impl FromJson for String {
    fn from_json(json: &mut Json) -> Result<String, BadJson> {
        json.text().map(Cow::into_owned)
    }
}

impl FromJson for Names {
    fn from_json(json: &mut Json) -> Result<Names, BadJson> {
        let mut names = Names::default();
        json.array(|json| {
            names.push(&json.text()?);
            Ok(())
        })?;
        Ok(names)
    }
}

impl FromJson for bool {
    fn from_json(json: &mut Json) -> Result<bool, BadJson> {
        json.boolean()
    }
}

/// `integers! { u32: |size, negative| …; }`: made from the digits and whether a minus is before them.
macro_rules! integers {
    ($($type:ty: $made:expr;)*) => {
        $(impl FromJson for $type {
            #[inline(never)]
            fn from_json(json: &mut Json) -> Result<$type, BadJson> {
                json.number($made)
            }

            fn list(json: &mut Json) -> Result<Vec<$type>, BadJson> {
                json.numbers($made)
            }
        })*
    };
}

integers! {
    u64: |size, negative| (!negative).then_some(size);
    u16: |size, negative| u16::try_from(size).ok().filter(|_| !negative);
    u32: |size, negative| u32::try_from(size).ok().filter(|_| !negative);
    usize: |size, negative| usize::try_from(size).ok().filter(|_| !negative);
    i64: signed;
    i32: |size, negative| signed(size, negative).and_then(|number| i32::try_from(number).ok());
}

/// As narrow as it goes, and anew from its beginning where a number of it is wider: lists of bytes begin with such a one,
/// and hardly another list has any.
impl FromJson for Numbers {
    fn from_json(json: &mut Json) -> Result<Numbers, BadJson> {
        let start = json.at;
        if let Ok(short) = u16::list(json) {
            return Ok(Numbers::Short(short));
        }
        json.at = start;
        if let Ok(narrow) = u32::list(json) {
            return Ok(Numbers::Narrow(narrow));
        }
        json.at = start;
        u64::list(json).map(Numbers::Wide)
    }
}

/// Zero has no minus: that one is a fraction's.
fn signed(size: u64, negative: bool) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(size).filter(|number| *number < 0) } else { i64::try_from(size).ok() }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &mut Json) -> Result<Option<T>, BadJson> {
        if json.null() { Ok(None) } else { T::from_json(json).map(Some) }
    }

    fn missing() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &mut Json) -> Result<Vec<T>, BadJson> {
        T::list(json)
    }
}

impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(json: &mut Json) -> Result<(A, B), BadJson> {
        let (mut first, mut second) = (None, None);
        json.array(|json| {
            if first.is_none() {
                first = Some(A::from_json(json)?);
            } else if second.is_none() {
                second = Some(B::from_json(json)?);
            } else {
                return Err(json.error("the end of a pair"));
            }
            Ok(())
        })?;
        first.zip(second).ok_or_else(|| json.error("a pair"))
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(json: &mut Json) -> Result<BTreeMap<String, T>, BadJson> {
        let mut members = BTreeMap::new();
        json.object(|key, json| {
            members.insert(key.to_owned(), T::from_json(json)?);
            Ok(())
        })?;
        Ok(members)
    }
}
