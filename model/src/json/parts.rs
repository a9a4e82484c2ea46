//! A value read a member at a time: an answer of megabytes takes longer than a browser may stand still.

use super::{BadJson, Json};

/// What was read so far of a type that is read a member at a time, as [`reads_in_parts`] makes it.
pub trait Parts: Default {
    type Whole;

    /// Reads the member with this key, or passes over it.
    fn read_member(&mut self, key: &str, json: &mut Json) -> Result<(), BadJson>;

    fn whole(self, json: &Json) -> Result<Self::Whole, BadJson>;
}

/// `reads_in_parts!(Answer, AnswerParts { report: String, … })`: the same as [`reads`], with a type of its own for what was
/// read so far, which a [`Reader`] fills.
macro_rules! reads_in_parts {
    ($type:ident, $parts:ident { $($field:ident: $of:ty),* $(,)? }) => {
        #[doc = concat!("What was read so far of an [`", stringify!($type), "`].")]
        #[derive(Default)]
        pub struct $parts {
            $($field: Option<$of>,)*
        }

        impl $crate::json::Parts for $parts {
            type Whole = $type;

            #[inline]
            fn read_member(&mut self, key: &str, json: &mut $crate::json::Json) -> Result<(), $crate::json::BadJson> {
                match key {
                    $(stringify!($field) => self.$field = Some($crate::json::FromJson::from_json(json)?),)*
                    _ => json.skip()?,
                }
                Ok(())
            }

            #[inline]
            fn whole(self, json: &$crate::json::Json) -> Result<$type, $crate::json::BadJson> {
                Ok($type { $($field: json.present(self.$field, stringify!($field))?,)* })
            }
        }

        impl $crate::json::FromJson for $type {
            #[inline]
            fn from_json(json: &mut $crate::json::Json) -> Result<$type, $crate::json::BadJson> {
                let mut parts = $parts::default();
                json.object(|key, json| $crate::json::Parts::read_member(&mut parts, key, json))?;
                $crate::json::Parts::whole(parts, json)
            }
        }
    };
}
pub(crate) use reads_in_parts;

/// Reads bytes as one value, as [`read`] does, but not all at once: a browser can do something else in between.
pub struct Reader<'a, P> {
    json: Json<'a>,
    parts: P,
}

impl<'a, P: Parts> Reader<'a, P> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a, P> {
        Reader { json: Json::new(bytes), parts: P::default() }
    }

    /// Reads whole members, until at least so many bytes are behind it. Gives out the value at the end of it, and nothing
    /// before.
    pub fn read_on(&mut self, bytes: usize) -> Result<Option<P::Whole>, BadJson> {
        let pause = self.json.at.saturating_add(bytes);
        while self.json.at < pause {
            let Some(key) = self.json.next_key()? else {
                self.json.end()?;
                return std::mem::take(&mut self.parts).whole(&self.json).map(Some);
            };
            self.parts.read_member(&key, &mut self.json)?;
        }
        Ok(None)
    }
}
