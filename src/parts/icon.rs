//! Icons as one path each, drawn with the colour of the text around them. Decoration: names are on the buttons.

use leptos::prelude::*;

use crate::view;

pub const TALLY: &str = "M3 14V4M6.500 14V4M10 14V4M13.500 14V4M1.500 12.500L15.500 5.500";
pub const MENU: &str = "M2.500 5H15.500M2.500 9H15.500M2.500 13H15.500";
pub const CONTRAST: &str = "M9 2.500A6.500 6.500 0 1 0 9 15.500ZM9 2.500A6.500 6.500 0 0 1 9 15.500M11 6V12M13 8V10";
pub const EARLIER: &str = "M11 4L6 9L11 14";
pub const LATER: &str = "M7 4L12 9L7 14";
pub const DOWN: &str = "M5 7.500L9 11.500L13 7.500";
pub const EXPORT: &str = "M9 2.500V11M5.500 7.500L9 11L12.500 7.500M3 14.500H15";
pub const COLUMNS: &str = "M3 3.500H15V14.500H3ZM7 3.500V14.500M11 3.500V14.500";
pub const COMPARE: &str =
    "M2.500 13L6.500 8L10 10.500L15.500 5M2.500 8.500L4 7M6 5L7.500 5.500M10 6L11.500 4.500M13.500 2.500L15 1.500";
pub const ZOOM_OUT: &str = "M8 3A5 5 0 1 0 8 13A5 5 0 1 0 8 3M11.700 11.700L15.500 15.500M5.500 8H10.500";
pub const FILTER: &str = "M8 3A5 5 0 1 0 8 13A5 5 0 1 0 8 3M11.700 11.700L15.500 15.500";
pub const HELP: &str =
    "M9 2A7 7 0 1 0 9 16A7 7 0 1 0 9 2M6.800 7.200A2.200 2.200 0 1 1 9.700 9.200Q9 9.600 9 10.500M9 12.800V12.900";
pub const LINE: &str = "M2.500 13L6.500 7.500L10 10.500L15.500 4";
pub const AREA: &str = "M2.500 14.500V11L6.500 6.500L10 9.500L15.500 4V14.500Z";
pub const STACKED_AREA: &str = "M2.500 14.500V11L7 8L11 9.500L15.500 6V14.500ZM2.500 8L7 4.500L11 6L15.500 2.500";
pub const COLUMN: &str = "M3.500 14.500V8.500H6V14.500ZM8 14.500V3.500H10.500V14.500ZM12.500 14.500V6.500H15V14.500Z";
pub const STACKED_COLUMN: &str = "M3.500 14.500V5H6.500V14.500ZM3.500 10H6.500M7.800 14.500V3H10.800V14.500ZM7.800 8.500H10.800M12.100 14.500V7H15.100V14.500ZM12.100 11H15.100";
pub const BAR: &str = "M3 3.500H13.500V6H3ZM3 7.800H9.500V10.300H3ZM3 12H11.500V14.500H3Z";
pub const SHARE: &str = "M9 2.500A6.500 6.500 0 1 0 15.500 9H12A3 3 0 1 1 9 6ZM11.500 3A6.500 6.500 0 0 1 15 6.500";
/// Points down: the largest value is first.
pub const DESCENDING: &str = "M9 3V14.500M5 10.500L9 14.500L13 10.500";
/// Points up, with a bar: differs in shape, not only in direction.
pub const ASCENDING: &str = "M9 14.500V5M5.500 8.500L9 5L12.500 8.500M5 2.500H13";
pub const PERSON: &str = "M9 2.500A3 3 0 1 0 9 8.500A3 3 0 1 0 9 2.500M3 15.500Q3 11 9 11Q15 11 15 15.500";
pub const INFO: &str = "M9 2A7 7 0 1 0 9 16A7 7 0 1 0 9 2M9 8.300V12.500M9 5.600V5.700";

#[component]
pub fn Icon(#[prop(into)] path: Signal<&'static str>) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 18 18" aria-hidden="true">
            <path d=move || path.get()></path>
        </svg>
    }
}
