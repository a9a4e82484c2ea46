//! Table in, SVG out: what a person would see, held by snapshots. The same `draw` paints the canvas.
#![allow(clippy::unwrap_used)]

mod sample;

use std::collections::BTreeSet;

use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea;

use mailtally_model::table::Row;
use mailtally_model::{Basis, Span, Table};

use super::draw;
use super::kind::ChartKind;
use super::layout::{self, Frame, Layout, Nothing, Spike, Subject};
use super::theme;
use super::words;
use crate::compare::{Before, BeforeColumn};
use crate::range::Dates;

/// A surface on which unit, screen pixel and CSS pixel are one.
fn plain(width: i32, height: i32) -> Frame {
    Frame { width, height, px: 1.0, dot: 1 }
}

/// A chart of `table` as SVG text, `width` CSS pixels wide and as high as it wants to be.
fn svg(table: &Table, kind: ChartKind, hidden: &[&str], width: i32) -> String {
    let hidden: BTreeSet<String> = hidden.iter().map(|id| (*id).to_owned()).collect();
    let order: Vec<u32> = (0..table.rows.len() as u32).collect();
    let subject = Subject { table, order: &order, kind, hidden: &hidden, before: None, past: None };
    let height = layout::height(subject, f64::from(width)) as i32;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width as u32, height as u32)).into_drawing_area();
        let frame = plain(width, height);
        let room = |label: &str| draw::room(&area, frame, label);
        let layout = Layout::new(subject, frame, &room).unwrap();
        draw::draw(&area, &layout, &theme::LIGHT).unwrap();
    }
    // For the eye: `CHART_SVG_DIR=/tmp cargo test chart` leaves the pictures there.
    if let Some(dir) = std::env::var_os("CHART_SVG_DIR") {
        let name = std::thread::current().name().unwrap_or("chart").replace("::", "-");
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}-{width}.svg")), &text).unwrap();
    }
    text
}

fn laid_out(table: &Table, kind: ChartKind, hidden: &[&str]) -> Result<Layout, Nothing> {
    let hidden: BTreeSet<String> = hidden.iter().map(|id| (*id).to_owned()).collect();
    let order: Vec<u32> = (0..table.rows.len() as u32).collect();
    let subject = Subject { table, order: &order, kind, hidden: &hidden, before: None, past: None };
    Layout::new(subject, plain(800, 300), &|label| label.len() as i32 * 7)
}

#[test]
fn a_line_breaks_where_nothing_was_observed() {
    let table = sample::days("pop-sessions", "2026-10-27", 26).without_row(13).in_progress().table();
    insta::assert_snapshot!(svg(&table, ChartKind::Line, &["bandwidth"], 600));
}

/// The rows of a chart's first series that stand out, and those of them that are marked.
fn spikes(table: &Table, past: Option<&Table>) -> (Vec<usize>, Vec<usize>) {
    let order: Vec<u32> = (0..table.rows.len() as u32).collect();
    let hidden = table.columns.iter().skip(1).map(|column| column.column.id.to_owned()).collect();
    let subject = Subject { table, order: &order, kind: ChartKind::Line, hidden: &hidden, before: None, past };
    let layout = Layout::new(subject, plain(800, 300), &|label| label.len() as i32 * 7).unwrap();
    let Layout::Trend(trend) = &layout else { panic!("a Trend") };
    let rows_of = |spikes: &[_]| -> Vec<usize> { spikes.iter().map(|spike: &Spike| spike.row).collect() };
    (rows_of(&trend.unusual), rows_of(&trend.spikes))
}

#[test]
fn a_spike_is_one_however_closely_it_is_looked_at() {
    let mut whole = sample::days("pop-sessions", "2026-08-31", 70).table();
    whole.columns[0].cells[44] = Some(9_400.0);
    let part = |rows: std::ops::Range<usize>| {
        let mut part = whole.clone();
        part.rows = whole.rows[rows.clone()].to_vec();
        part.columns.iter_mut().for_each(|column| column.cells = column.cells[rows.clone()].to_vec());
        part
    };
    assert_eq!(spikes(&whole, None), (vec![44], vec![44]));
    // A week knows nothing of what is usual; the ten that it was a part of do.
    assert_eq!(spikes(&part(40..47), None), (vec![], vec![]));
    assert_eq!(spikes(&part(40..47), Some(&whole)), (vec![4], vec![4]));
    assert_eq!(spikes(&part(40..54), Some(&whole)), (vec![4], vec![4]));
    assert_eq!(spikes(&part(50..60), Some(&whole)), (vec![], vec![]));
}

#[test]
fn a_few_weeks_know_what_working_days_have() {
    let mut weeks = sample::days("pop-sessions", "2026-08-31", 28).table();
    weeks.columns[0].cells[15] = Some(9_400.0);
    assert_eq!(spikes(&weeks, None), (vec![15], vec![15]));
    // What comes each week is usual.
    (1..28).step_by(7).for_each(|tuesday| weeks.columns[0].cells[tuesday] = Some(9_100.0));
    assert_eq!(spikes(&weeks, None), (vec![], vec![]));
}

#[test]
fn what_leaps_all_the_time_is_no_spike() {
    let mut table = sample::days("pop-sessions", "2025-11-24", 364).table();
    for row in (0..364).step_by(11) {
        table.columns[0].cells[row] = Some(9_000.0);
    }
    assert_eq!(spikes(&table, None), (vec![], vec![]));
}

#[test]
fn of_spikes_beside_each_other_the_highest_is_marked() {
    let mut table = sample::days("pop-sessions", "2025-11-24", 364).table();
    for (row, value) in [(100, 9_000.0), (101, 9_900.0), (102, 9_300.0), (200, 9_100.0)] {
        table.columns[0].cells[row] = Some(value);
    }
    let (unusual, mut marked) = spikes(&table, None);
    marked.sort_unstable();
    // Two pixels a day.
    assert_eq!((unusual.len(), marked), (4, vec![101, 200]));
}

#[test]
fn areas_stack_on_each_other() {
    let table = sample::days("traffic-by-priority", "2026-11-02", 14).without_row(5).in_progress().table();
    insta::assert_snapshot!(svg(&table, ChartKind::StackedArea, &[], 600));
}

#[test]
fn a_step_in_progress_is_light_and_dashed() {
    let table = sample::days("pop-sessions", "2026-10-27", 26).without_row(13).in_progress().table();
    insta::assert_snapshot!(svg(&table, ChartKind::StackedColumn, &["bandwidth"], 600));
}

#[test]
fn columns_stand_beside_each_other() {
    let table = sample::days("message-traffic", "2026-11-02", 7).table();
    insta::assert_snapshot!(svg(&table, ChartKind::Column, &[], 600));
}

#[test]
fn two_units_have_an_axis_each_on_one_grid() {
    let table = sample::days("pop-usage", "2026-10-27", 26).table();
    insta::assert_snapshot!(svg(&table, ChartKind::Line, &[], 600));
}

#[test]
fn a_second_unit_is_lines_over_stacked_areas() {
    let table = sample::days("pop-sessions", "2026-11-02", 14).in_progress().table();
    insta::assert_snapshot!(svg(&table, ChartKind::StackedArea, &[], 600));
}

#[test]
fn two_units_stack_beside_each_other() {
    let table = sample::days("pop-sessions", "2026-11-02", 7).table();
    insta::assert_snapshot!(svg(&table, ChartKind::StackedColumn, &[], 600));
}

/// Wherever columns stand, no two units share a place: what is above the one would read as more of the other.
#[test]
fn two_units_are_never_one_column() {
    for (days, kind) in
        [7, 26, 90, 366].into_iter().flat_map(|days| [(days, ChartKind::Column), (days, ChartKind::StackedColumn)])
    {
        let table = sample::days("pop-sessions", "2025-11-22", days).table();
        let Layout::Trend(trend) = laid_out(&table, kind, &[]).unwrap() else { panic!("not a trend") };
        let (left, right) = (0, trend.series.len() - 1);
        assert_eq!((trend.series[left].axis, trend.series[right].axis), (0, 1));
        if trend.is_line(right) {
            assert!(days == 366, "{days} days have the room");
            assert!(
                trend.series[right].floors.iter().all(|floor| *floor == trend.plot.bottom),
                "a line stands on nothing"
            );
            continue;
        }
        for row in 0..days {
            let (first, second) = (trend.standing(left, row).unwrap(), trend.standing(right, row).unwrap());
            assert!(first.right <= second.left, "{} of {days} days, row {row}: {first:?} {second:?}", kind.id());
        }
    }
}

#[test]
fn the_axis_of_what_does_not_stack_reaches_its_highest() {
    let table = sample::days("bandwidth-by-priority", "2026-11-02", 7).table();
    let Layout::Trend(one) = laid_out(&table, ChartKind::StackedArea, &[]).unwrap() else { panic!("not a trend") };
    assert!(!one.right_as_lines, "one unit is one stack");
    let table = sample::days("pop-sessions", "2026-11-02", 7).table();
    let Layout::Trend(two) = laid_out(&table, ChartKind::StackedArea, &[]).unwrap() else { panic!("not a trend") };
    assert!((0..5).map(|nth| two.is_line(nth)).eq([false, false, false, false, true]));
}

#[test]
fn a_mode_lies_in_bars_with_its_values() {
    let table = sample::users("pop-sessions", 9).table();
    insta::assert_snapshot!(svg(&table, ChartKind::Bar, &["bad_commands", "terminations"], 600));
}

#[test]
fn shares_are_rings_of_additive_columns() {
    let table = sample::users("message-traffic", 9).table();
    insta::assert_snapshot!(svg(&table, ChartKind::Share, &["outgoing_spam"], 600));
}

#[test]
fn every_kind_draws_every_report_at_any_width() {
    for report in mailtally_model::catalogue::REPORTS {
        for width in [320, 390, 1280, 2560] {
            for kind in ChartKind::ALL {
                let table = match ChartKind::of_mode(mailtally_model::By::Time).contains(&kind) {
                    true => sample::days(report.id, "2025-11-22", 366).in_progress().table(),
                    false => sample::users(report.id, 40).table(),
                };
                if ChartKind::offered(&table).any(|offered| offered == kind) {
                    let text = svg(&table, kind, &[], width);
                    assert!(text.contains("</svg>"), "{} as {} is not whole", report.id, kind.id());
                }
            }
        }
    }
}

#[test]
fn a_third_unit_is_left_out_until_another_is_hidden() {
    let table = sample::days("server-status", "2026-11-02", 7).table();
    let none = BTreeSet::new();
    let hidden = |ids: &[&str]| -> BTreeSet<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let drawn = |hidden: &BTreeSet<String>| {
        layout::Drawn::of(Subject {
            table: &table,
            order: &[],
            kind: ChartKind::Line,
            hidden,
            before: None,
            past: None,
        })
        .unwrap()
    };
    assert_eq!(drawn(&none).columns, [0, 1, 2]);
    assert_eq!(drawn(&none).left_out, [3, 4, 5, 6]);
    assert_eq!(drawn(&hidden(&["cpu"])).columns, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_pointer_finds_the_row_that_is_drawn_there() {
    let table = sample::days("pop-sessions", "2026-10-27", 26).table();
    let layout = laid_out(&table, ChartKind::Line, &[]).unwrap();
    for row in layout.rows() {
        let band = layout.mark(row).unwrap().band;
        assert_eq!(layout.hit(((band.left + band.right) / 2, 10)), Some(row));
        assert_eq!(layout.hit((band.left, 10)), Some(row), "the left edge of {row}");
    }
    assert_eq!(layout.hit((0, 10)), None);

    let table = sample::users("pop-sessions", 9).table();
    let layout = laid_out(&table, ChartKind::Bar, &[]).unwrap();
    for row in layout.rows() {
        let band = layout.mark(row).unwrap().band;
        assert_eq!(layout.hit((400, (band.top + band.bottom) / 2)), Some(row));
    }
}

#[test]
fn shares_fill_the_ring_and_name_the_rest() {
    let table = sample::users("message-traffic", 40).table();
    let Layout::Share(share) = laid_out(&table, ChartKind::Share, &[]).unwrap() else { panic!("not a share") };
    for ring in &share.rings {
        let last = ring.slices.last().unwrap();
        assert!((last.until - 1.0).abs() < 1e-9, "{} ends at {}", ring.title, last.until);
        assert_eq!(last.name, "others (34)");
        assert_eq!(last.row, None);
        assert!(ring.slices.iter().all(|slice| slice.part.ends_with(" %")), "{:?}", ring.slices[0].part);
    }
}

/// In the order of the screen, as bars are: what belongs to nobody stands last, however much of it there is.
#[test]
fn shares_stand_in_the_order_of_the_screen() {
    let mut table = sample::users("message-traffic", 4).table();
    table.rows.push(Row::Rest(mailtally_model::subject::UNATTRIBUTED));
    table.columns.iter_mut().for_each(|column| column.cells.push(Some(1e6)));
    let rows = |table: &Table, order: &[u32]| {
        let subject =
            Subject { table, order, kind: ChartKind::Share, hidden: &BTreeSet::new(), before: None, past: None };
        Layout::new(subject, plain(800, 600), &|label| label.len() as i32 * 7).unwrap().rows()
    };
    assert_eq!(rows(&table, &[0, 1, 2, 3, 4]), [0, 1, 2, 3, 4]);
    assert_eq!(rows(&table, &[3, 2, 1, 0, 4]), [3, 2, 1, 0, 4], "sorted another way");
}

#[test]
fn the_crosshair_says_every_value_and_what_is_missing() {
    let table = sample::days("pop-sessions", "2026-11-20", 2).without_row(0).in_progress().table();
    let layout = laid_out(&table, ChartKind::Line, &[]).unwrap();
    let beside = words::TipBeside { layout: &layout, before: None };
    let tip = |row| words::Tip::of(&table, row, &BTreeSet::from(["terminations".to_owned()]), beside).unwrap().spoken();
    insta::assert_snapshot!(tip(0), @"Fri 20 Nov 2026: New Connections not observed, Blocked Connections not observed, Bad Commands not observed, Bandwidth not observed");
    insta::assert_snapshot!(tip(1), @"Sat 21 Nov 2026, until 14:32: New Connections 317, Blocked Connections 165, Bad Commands 55, Bandwidth 22.6 MB");
}

/// Thirteen weeks before, a fifth less each day, and nothing observed of the second day.
fn before(table: &Table) -> Before {
    let earlier = |row: &Row| match row {
        Row::Step { span, .. } => {
            Some(Span::new(span.from.plus_secs(-91 * 86_400), span.until.plus_secs(-91 * 86_400)))
        }
        _ => None,
    };
    let column = |column: &mailtally_model::table::TableColumn| {
        let mut cells: Vec<Option<f64>> =
            column.cells.iter().map(|cell| Some((cell.unwrap_or(0.0) * 0.8).round())).collect();
        cells[1] = None;
        BeforeColumn { id: column.column.id, total: Ok(1.0), cells, held: None }
    };
    Before {
        dates: Dates::new("2026-07-28".parse().unwrap(), "2026-08-22".parse().unwrap()).unwrap(),
        columns: table.columns.iter().map(column).collect(),
        rows: table.rows.iter().map(earlier).collect(),
        zone: mailtally_model::Zone::utc(),
        unobserved_secs: 0,
    }
}

#[test]
fn the_crosshair_says_against_what_a_change_is() {
    let table = sample::days("pop-sessions", "2026-10-27", 26).table();
    let (layout, before) = (laid_out(&table, ChartKind::Line, &[]).unwrap(), before(&table));
    let beside = words::TipBeside { layout: &layout, before: Some(&before) };
    let hidden = ["bad_commands", "terminations", "bandwidth"].map(str::to_owned);
    let tip = |row| words::Tip::of(&table, row, &BTreeSet::from(hidden.clone()), beside).unwrap().spoken();
    insta::assert_snapshot!(tip(0), @"Tue 27 Oct 2026, compared with Tue 28 Jul 2026: New Connections 2,000 (+25 % on 1,600), Blocked Connections 1,050 (+25 % on 840)");
    insta::assert_snapshot!(tip(1), @"Wed 28 Oct 2026, compared with Wed 29 Jul 2026: New Connections 2,380 (not observed then), Blocked Connections 1,240 (not observed then)");
}

/// Dashes say that a step is not whole: the earlier period's lines have none.
#[test]
fn an_earlier_period_is_whole_lines() {
    let table = sample::days("pop-sessions", "2026-10-27", 26).table();
    let (before, order, hidden) = (before(&table), Vec::new(), BTreeSet::new());
    let subject =
        |kind| Subject { table: &table, order: &order, kind, hidden: &hidden, before: Some(&before), past: None };
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (600, 220)).into_drawing_area();
        let layout = Layout::new(subject(ChartKind::Line), plain(600, 220), &|label| label.len() as i32 * 7).unwrap();
        assert!(layout.has_earlier());
        draw::draw(&area, &layout, &theme::LIGHT).unwrap();
    }
    // Of each column a point, which is no line, and all that follow the day that was not observed.
    assert_eq!(text.matches(r#"opacity="0.5" stroke="#).count(), table.columns.len() * 2, "{text}");
    let stacked =
        Layout::new(subject(ChartKind::StackedArea), plain(600, 220), &|label| label.len() as i32 * 7).unwrap();
    assert!(!stacked.has_earlier(), "what stands on another has no place of its own");
}

#[test]
fn the_picture_has_an_alternative_in_words() {
    let table = sample::days("pop-usage", "2026-11-02", 26).without_row(3).table();
    let layout = laid_out(&table, ChartKind::Line, &[]).unwrap();
    insta::assert_snapshot!(words::summary(&table, ChartKind::Line, &layout, &BTreeSet::new()), @"POP Usage of Whole server, line chart. From Mon 2 Nov 2026 to Fri 27 Nov 2026. Highest Bandwidth: 188 MB, Tue 17 Nov 2026. Highest Avg. Active Connections: 1,240.0, Tue 3 Nov 2026. Highest Connections: 500, Wed 11 Nov 2026. Highest Blocked Connections: 248, Mon 23 Nov 2026. The table below has every value.");
}

#[test]
fn what_is_not_drawn_is_said() {
    let notes = |table: &Table, kind| words::notes(table, &laid_out(table, kind, &[]).unwrap()).join("\n");
    insta::assert_snapshot!(notes(&sample::days("server-status", "2026-11-02", 7).table(), ChartKind::Line), @"Not drawn: Avg. Handles, Avg. Threads, Avg. Active Connections, Avg. Spool Count (another unit; hide a series to make room).");
    insta::assert_snapshot!(notes(&sample::users("pop-sessions", 40).table(), ChartKind::Bar), @"8 of 40 rows: the largest, or the first as the table is sorted.");
    insta::assert_snapshot!(notes(&sample::users("smtp-out-usage", 40).table(), ChartKind::Share), @"Not drawn: Avg. Active Connections (rows that do not add up to a whole).");
    insta::assert_snapshot!(notes(&sample::days("pop-usage", "2026-11-02", 7).table(), ChartKind::Line), @"");
}

/// Of POP's average of sessions and of its refusals only the whole server has a number.
#[test]
fn what_domains_have_no_number_of_is_no_bar_of_theirs() {
    let table = sample::users("pop-usage", 3).table();
    let Layout::Bars(bars) = laid_out(&table, ChartKind::Bar, &[]).unwrap() else { panic!("no bars") };
    let mut drawn: Vec<&str> = bars.lines[0].bars.iter().map(|bar| table.columns[bar.column].column.id).collect();
    drawn.sort_unstable();
    assert_eq!(drawn, ["bandwidth", "connections"]);
    assert_eq!(bars.left_out, [] as [usize; 0]);
}

#[test]
fn nothing_to_draw_says_why() {
    let days = || sample::days("pop-sessions", "2026-11-02", 3);
    let all = ["new_connections", "blocked_connections", "bad_commands", "terminations", "bandwidth"];
    assert_eq!(laid_out(&days().table(), ChartKind::Line, &all).unwrap_err(), Nothing::AllHidden);
    let empty = days().without_row(0).without_row(1).without_row(2).table();
    assert_eq!(laid_out(&empty, ChartKind::Line, &[]).unwrap_err(), Nothing::NotObserved);
    let mut unset = days().table();
    unset.columns.iter_mut().for_each(|column| column.basis = Basis::NotConfigured);
    assert_eq!(laid_out(&unset, ChartKind::Line, &[]).unwrap_err(), Nothing::NotConfigured);
    assert_eq!(
        laid_out(&sample::users("message-traffic", 0).table(), ChartKind::Bar, &[]).unwrap_err(),
        Nothing::NoRows
    );
}
