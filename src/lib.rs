//! The browser app: one page for every report, drawn from one Table.
//!
//! What the person looks at is a value ([`state::ViewState`]) that the URL spells. From it follow the dates and instants
//! ([`window`]), what the server must answer for ([`query`]), and then, without asking again, the Table, its order, the
//! chart and the CSV ([`page::Sheet`]). Modules without signals (`state`, `range`, `window`, `query`, `format`) are
//! tested natively; components only wire.

pub mod account;
pub mod apart;
pub mod api;
pub mod awaited;
pub mod chart;
pub mod compare;
pub mod context;
pub mod download;
mod erased;
pub mod evidence;
pub mod format;
pub mod intl;
pub mod jump;
pub mod keys;
pub mod later;
pub mod memo;
mod order;
pub mod page;
pub mod parts;
pub mod query;
pub mod range;
pub mod remember;
pub mod route;
pub mod scroll;
pub mod state;
pub mod text;
pub mod theme;
pub mod window;

pub(crate) use erased::{anew, effect, view};
pub use page::App;

/// One thread, and memory that the browser gives page by page.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
