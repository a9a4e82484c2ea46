//! Two months side by side: the first click begins a range, the second ends it. Arrow keys move, as in any grid.

use chrono::{Datelike, Days, Months, NaiveDate};
use leptos::{ev, html, prelude::*};

use super::icon::{self, Icon};
use crate::intl::{self, DateStyle};
use crate::page::Sheet;
use crate::range::{Dates, midnight_secs, month_of};
use crate::text;
use crate::{anew, effect, view};

/// Where the calendar stands.
#[derive(Clone, Copy)]
struct Position {
    /// The first day of the left month.
    month: RwSignal<NaiveDate>,
    /// The day that the keys move from; one day of the grid takes the focus.
    focus: RwSignal<NaiveDate>,
    /// Whether the focus moved by key, so that the day must take it.
    by_key: RwSignal<bool>,
    /// The first day of the range being chosen.
    begun: RwSignal<Option<NaiveDate>>,
    choose: Callback<Dates>,
}

#[component]
pub fn Calendar(choose: Callback<Dates>) -> impl IntoView {
    let last = Sheet::get().window.with_untracked(|window| window.dates.last);
    let position = Position {
        month: RwSignal::new(month_before(month_of(last))),
        focus: RwSignal::new(last),
        by_key: RwSignal::new(false),
        begun: RwSignal::new(None),
        choose,
    };
    let hint = move || if position.begun.get().is_some() { text::CALENDAR_HINT_LAST } else { text::CALENDAR_HINT };
    view! {
        <div class="calendar" on:keydown=move |event| on_key(position, &event)>
            <p class="panel-hint" role="status">{anew(hint)}</p>
            <Turn label=text::MONTH_EARLIER path=icon::EARLIER on_turn=move || turn(position, month_before, "PageUp")/>
            <Turn label=text::MONTH_LATER path=icon::LATER on_turn=move || turn(position, month_after, "PageDown")/>
            <div class="months">
                {move || month(position.month.get(), position)}
                {move || month(month_after(position.month.get()), position)}
            </div>
        </div>
    }
}

#[component]
fn Turn(label: &'static str, path: &'static str, on_turn: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button type="button" class="button square turn" aria-label=label title=label on:click=move |_| on_turn()>
            <Icon path/>
        </button>
    }
}

fn month(first: NaiveDate, position: Position) -> impl IntoView {
    let name = intl::date(midnight_secs(first), DateStyle::Month);
    let weekdays = weeks(first).next().unwrap_or_default();
    let heads = weekdays.map(|day| {
        let name = intl::date(midnight_secs(day), DateStyle::Weekday);
        view! { <span role="columnheader" class="weekday">{name}</span> }
    });
    let rows = weeks(first).map(|week| {
        let days = week.map(|date| if month_of(date) == first { day(date, position) } else { blank() });
        view! { <div role="row" class="week">{days}</div> }
    });
    view! {
        <div class="month" role="grid" aria-label=name.clone()>
            <p class="month-name" aria-hidden="true">{name.clone()}</p>
            <div role="row" class="week">{heads}</div>
            {rows.collect_view()}
        </div>
    }
}

/// A day of a neighbouring month.
fn blank() -> AnyView {
    view! { <span role="gridcell" class="day"></span> }
}

fn day(date: NaiveDate, position: Position) -> AnyView {
    let sheet = Sheet::get();
    let button = NodeRef::<html::Button>::new();
    let today = sheet.window.with_untracked(|window| window.today);
    let shown = sheet.window.with_untracked(|window| window.dates);
    let chosen = move || match position.begun.get() {
        Some(begun) => begun == date,
        None => shown.contains(date),
    };
    let focused = move || position.focus.get() == date;
    effect(move |_| {
        if focused()
            && position.by_key.get()
            && let Some(button) = button.get()
        {
            let _ = button.focus();
        }
    });
    view! {
        <span role="gridcell" class="day" aria-selected=move || chosen().to_string()>
            <button
                type="button"
                node_ref=button
                class:today=date == today
                class:chosen=chosen
                disabled={date > today}
                tabindex=move || if focused() { "0" } else { "-1" }
                aria-label=intl::date(midnight_secs(date), DateStyle::DayYear)
                on:click=move |_| choose(position, date)
            >
                {date.day()}
            </button>
        </span>
    }
}

fn choose(position: Position, date: NaiveDate) {
    position.focus.set(date);
    match position.begun.get_untracked().and_then(|begun| Dates::new(begun, date)) {
        Some(dates) => position.choose.run(dates),
        None => position.begun.set(Some(date)),
    }
}

/// Shows other months. The day that takes the focus goes along: it is the grid's one stop for Tab.
fn turn(position: Position, to: fn(NaiveDate) -> NaiveDate, as_key: &str) {
    let today = Sheet::get().window.with_untracked(|window| window.today);
    position.by_key.set(false);
    // No further than that day can go: today's month is the last on the right.
    position.month.update(|month| *month = to(*month).min(month_before(month_of(today))));
    position.focus.update(|day| *day = moved(*day, as_key).unwrap_or(*day).min(today));
}

fn on_key(position: Position, event: &ev::KeyboardEvent) {
    let today = Sheet::get().window.with_untracked(|window| window.today);
    let Some(to) = moved(position.focus.get_untracked(), &event.key()) else { return };
    event.prevent_default();
    let to = to.min(today);
    position.by_key.set(true);
    position.focus.set(to);
    let left = position.month.get_untracked();
    let (month, right) = (month_of(to), month_after(left));
    if month > right || (shows_one() && month != right) {
        position.month.set(month_before(month));
    } else if month < left {
        position.month.set(month);
    }
}

/// Whether there is room for the right month alone, as style/calendar.css has it.
fn shows_one() -> bool {
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width <= 760.0)
}

/// Where a key leads from a day.
fn moved(from: NaiveDate, key: &str) -> Option<NaiveDate> {
    match key {
        "ArrowLeft" => from.checked_sub_days(Days::new(1)),
        "ArrowRight" => from.checked_add_days(Days::new(1)),
        "ArrowUp" => from.checked_sub_days(Days::new(7)),
        "ArrowDown" => from.checked_add_days(Days::new(7)),
        "PageUp" => from.checked_sub_months(Months::new(1)),
        "PageDown" => from.checked_add_months(Months::new(1)),
        "Home" => from.checked_sub_days(Days::new(from.weekday().num_days_from_monday().into())),
        "End" => from.checked_add_days(Days::new((6 - from.weekday().num_days_from_monday()).into())),
        _ => None,
    }
}

/// The weeks, Monday first, that show a month.
fn weeks(first: NaiveDate) -> impl Iterator<Item = [NaiveDate; 7]> {
    let monday = first - Days::new(first.weekday().num_days_from_monday().into());
    let after = month_after(first);
    (0..6)
        .map(move |week| monday + Days::new(week * 7))
        .take_while(move |monday| *monday < after)
        .map(|monday| std::array::from_fn(|day| monday + Days::new(day as u64)))
}

fn month_before(month: NaiveDate) -> NaiveDate {
    month.checked_sub_months(Months::new(1)).unwrap_or(month)
}

fn month_after(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn a_month_is_shown_in_whole_weeks() {
        let february: Vec<_> = weeks(day("2027-02-01")).collect();
        assert_eq!((february.len(), february[0][0], february[3][6]), (4, day("2027-02-01"), day("2027-02-28")));
        let august: Vec<_> = weeks(day("2026-08-01")).collect();
        assert_eq!((august.len(), august[0][0], august[5][6]), (6, day("2026-07-27"), day("2026-09-06")));
    }

    #[test]
    fn keys_move_as_in_a_grid() {
        let from = day("2026-03-31");
        let to = |key| moved(from, key).map(|date| date.to_string());
        assert_eq!(to("ArrowRight").as_deref(), Some("2026-04-01"));
        assert_eq!(to("PageUp").as_deref(), Some("2026-02-28"));
        assert_eq!(to("Home").as_deref(), Some("2026-03-30"));
        assert_eq!(to("x"), None);
    }
}
