//! The parts of the pages, each one idea. They read the two contexts and a Table; what they show is computed elsewhere.

pub mod breadcrumb;
pub mod calendar;
pub mod card;
pub mod chart_menu;
pub mod columns;
pub mod compare_menu;
pub mod export;
pub mod filter;
pub mod form;
pub mod fresh;
pub mod help;
pub mod icon;
pub mod keyboard;
pub mod menu;
pub mod notes;
pub mod person;
pub mod popover;
pub mod range_picker;
pub mod segments;
pub mod show;
pub mod spark;
pub mod table;
pub mod tiles;
pub mod toolbar;
pub mod unusual;
pub mod zone_picker;
