//! The browser app: one page for every report, drawn from one Table.

pub mod chart;
