//! What both sides agree on: the words, the reports, the wire, and the arithmetic from counters to a table.
//!
//! No IO, no clock, no async, no signals: everything here is a function of its arguments, so that it is
//! tested natively and runs the same in the browser and on the server.
//!
//! # Glossary
//!
//! One word per idea, used everywhere.
//!
//! * **Measure** ([`measure`]): what can be counted. An id, a unit, a rule of counting, a best basis.
//! * **Subject** ([`subject`]): whose it is: the server, a domain, a mailbox or a named service.
//! * **Slot** ([`time`]): a quarter hour of UTC, the finest time that counters have.
//! * **Counter**: (measure, subject, slot) → sum. What is stored and what is sent.
//! * **Report**, **Column** ([`catalogue`]): a title, a sentence, scopes; a measure seen through a formula.
//! * **Coverage** ([`coverage`]): the log time that was really read. Not observed is not zero.
//! * **Basis** ([`basis`]): how far a number can be trusted.
//! * **Step** ([`step`]): hour, day, ISO week, month, quarter: how slots are folded in the viewer's zone.
//! * **Mode** ([`wire::By`]): what the rows are: steps of time, or the children of the viewed subject.
//! * **Account** ([`wire::Account`]): a name and the subject it is rooted at. It sees that subject's subtree, nothing else.
//! * **Table** ([`table`]): what people see. Chart and CSV are other faces of the same Table.
//! * **Finding** ([`unusual`]): a subject's count that stands out of its own past.

pub mod account;
pub mod alike;
pub mod basis;
pub mod catalogue;
pub mod coverage;
pub mod csv;
pub mod docs;
pub mod events;
pub mod few;
mod fold;
pub mod json;
#[cfg(test)]
mod laws;
pub mod measure;
pub mod names;
pub mod numbers;
pub mod overage;
pub mod report_json;
pub mod splice;
pub mod step;
pub mod subject;
pub mod table;
#[cfg(test)]
mod testing;
pub mod time;
pub mod unusual;
pub mod wire;
pub mod zone;

pub use basis::Basis;
pub use catalogue::{Column, Formula, Report};
pub use few::Few;
pub use measure::{Family, Measure};
pub use names::Names;
pub use numbers::Numbers;
pub use step::Step;
pub use subject::{Scope, Subject};
pub use table::Table;
pub use time::{SLOT_SECS, Slot, Span, Time};
pub use wire::{Answer, By};
pub use zone::Zone;
