//! Data health: which logs were read, until when, by which rules, and what in them was not understood. A number is only
//! as good as the log behind it.

use std::cmp::Reverse;

use leptos::prelude::*;
use mailtally_model::wire::{CountedSpan, Health, HostGap, ProgramHealth, Rules, SourceHealth};
use mailtally_model::{Span, Time};

use super::frame::{self, Frame};
use crate::api::Asked;
use crate::context::Host;
use crate::parts::card::cell;
use crate::parts::notes::{FailedAt, FirstSteps};
use crate::{anew, format, intl, order, text, view};

/// What the server calls lines that came too late to be counted.
const TOO_LATE: &str = "(too late)";
/// Losses of one kind in a row; the others are a number.
const MAX_STRETCHES: usize = 12;

#[component]
pub fn HealthPage() -> impl IntoView {
    frame::entitle(text::HEALTH);
    let read_until = RwSignal::new(None);
    view! {
        <Frame read_until>
            <h1 class="title">{text::HEALTH}</h1>
            <p class="sentence">{text::HEALTH_SAYS}" "{move || text::times_are_of(&Host::get().zone_name())}</p>
            {frame::of_server(Box::new(move || view! { <All read_until/> }))}
        </Frame>
    }
}

#[component]
fn All(read_until: RwSignal<Option<Time>>) -> impl IntoView {
    let health = Asked::<Health>::new(|| "/api/health".to_owned());
    anew(move || match health.get() {
        None => view! { <p class="note" role="status">{text::LOADING}</p> },
        Some(Err(failure)) => {
            let retry = Callback::new(move |()| health.again());
            view! { <FailedAt failure retry/> }
        }
        Some(Ok(health)) => {
            read_until.set(health.sources.iter().filter_map(|source| source.last).max());
            all(&health)
        }
    })
}

fn all(health: &Health) -> AnyView {
    let problems = health
        .problems
        .iter()
        .map(|problem| view! { <p class="note note-warn" role="alert">{format::visible(problem)}</p> });
    let problems = problems.collect_view();
    if health.sources.is_empty() {
        return view! { {problems}<FirstSteps/> };
    }
    view! {
        {problems}
        <dl class="card facts">{facts(health)}</dl>
        {sources(health)}
        {lost(&health.gaps)}
        {counted(health)}
        {programs(&health.programs)}
        <p class="health-limits">{text::limits(health.late_window_secs, health.keep_days)}</p>
    }
}

/// What it comes to, before the details.
fn facts(health: &Health) -> impl IntoView + use<> {
    let sum = |of: fn(&SourceHealth) -> u64| health.sources.iter().map(of).sum::<u64>();
    let (lines, duplicates) = (sum(|source| source.lines), sum(|source| source.duplicates));
    // A copy is neither understood nor not: a log that was read twice is understood as well as before.
    let looked_at = lines.saturating_sub(duplicates);
    let share = |part: u64| {
        let percent = if looked_at == 0 { 0.0 } else { part as f64 * 100.0 / looked_at as f64 };
        format!("{} %", intl::number(percent, 1))
    };
    let unread = health.sources.iter().filter_map(|source| source.unread_bytes).sum::<u64>();
    let behind = if unread == 0 { text::NOTHING_UNREAD.to_owned() } else { format::scaled_bytes(unread as f64) };
    let unparsed = sum(|source| source.unparsed);
    let too_late =
        health.programs.iter().find(|program| program.program == TOO_LATE).map_or(0, |program| program.unparsed);
    let facts = [
        (instant(health.sources.iter().filter_map(|source| source.last).max()), text::FACT_READ_TO.to_owned(), false),
        (behind, text::FACT_UNREAD.to_owned(), unread > 0),
        (count(lines), text::fact_lines(health.sources.len() as u64 + health.older_sources), false),
        (share(sum(|source| source.understood)), text::FACT_UNDERSTOOD.to_owned(), false),
        (share(sum(|source| source.ignored)), text::FACT_IGNORED.to_owned(), false),
        (count(unparsed), text::fact_unparsed(&share(unparsed)), unparsed > 0),
        (count(duplicates), text::FACT_DUPLICATES.to_owned(), false),
        (count(too_late), text::FACT_TOO_LATE.to_owned(), too_late > 0),
    ];
    facts.map(|(value, label, is_wrong)| {
        view! { <div class="fact" class:fact-wrong=is_wrong><dt>{label}</dt><dd>{value}</dd></div> }
    })
}

/// A table of this page: a title, heads, rows.
fn table(title: &'static str, heads: &[&'static str], rows: Vec<AnyView>) -> AnyView {
    view! { <h2 class="part-title">{title}</h2> {untitled(title, heads, rows)} }
}

fn untitled(title: &'static str, heads: &[&'static str], rows: Vec<AnyView>) -> AnyView {
    let heads = heads.iter().map(|head| view! { <th scope="col">{*head}</th> }).collect_view();
    view! {
        <div class="card table-scroll" tabindex="0" role="region" aria-label=title>
            <table class="report-table health-table stacked"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
}

fn sources(health: &Health) -> AnyView {
    let (told, folder) = (told(health), common_folder(health));
    let heads: Vec<&'static str> =
        text::HEALTH_SOURCE_HEADS.into_iter().zip(told).filter(|(_, told)| *told).map(|(head, _)| head).collect();
    let rows = health.sources.iter().map(|log| source(log, folder, told, &health.rules)).collect();
    let older = (health.older_sources > 0)
        .then(|| view! { <p class="health-limits">{text::older_logs(health.older_sources)}</p> });
    let place =
        (!folder.is_empty()).then(|| view! { <p class="health-limits">{text::logs_in(&format::visible(folder))}</p> });
    view! {
        <h2 class="part-title">{text::HEALTH_SOURCES}</h2>
        {place}
        {untitled(text::HEALTH_SOURCES, &heads, rows)}
        {older}
    }
}

/// Which columns of the logs say something of at least one of them: the others would only push these off the screen, and
/// the figures above say their zero.
fn told(health: &Health) -> [bool; 10] {
    let any = |says: &dyn Fn(&SourceHealth) -> bool| health.sources.iter().any(says);
    let has_unread = any(&|log| log.unread_bytes.is_some_and(|bytes| bytes > 0));
    let has_unparsed = any(&|log| log.unparsed > 0);
    let has_duplicates = any(&|log| log.duplicates > 0);
    let has_other_rules = any(&|log| log.rules.iter().any(|rules| *rules != health.rules));
    [true, true, true, has_unread, true, true, true, has_unparsed, has_duplicates, has_other_rules]
}

/// The folder that all logs are in or below: said once.
fn common_folder(health: &Health) -> &str {
    let Some(first) = health.sources.first() else { return "" };
    let folders = first.path.match_indices('/').filter_map(|(at, _)| first.path.get(..=at));
    let holds_all = |folder: &&str| health.sources.iter().all(|log| log.path.starts_with(folder));
    folders.take_while(holds_all).last().unwrap_or_default()
}

fn source(source: &SourceHealth, folder: &str, told: [bool; 10], now: &Rules) -> AnyView {
    let wrong = source.damage.iter().map(|damage| format::visible(damage));
    let lost = source.gaps.iter().map(|gap| text::overwritten(&stretch(*gap)));
    let notes: Vec<String> = wrong.chain(lost).collect();
    let notes = (!notes.is_empty()).then(|| view! { <span class="health-note">{notes.join(" · ")}</span> });
    let year = source.year.map(|year| view! { <span class="health-note">{text::year_inferred(year)}</span> });
    let cells = [
        instant(source.first),
        instant(source.last),
        source.unread_bytes.map_or_else(|| text::DASH.to_owned(), |bytes| format::scaled_bytes(bytes as f64)),
        count(source.lines),
        count(source.understood),
        count(source.ignored),
        count(source.unparsed),
        count(source.duplicates),
        rules_of(source, now),
    ];
    let is_wrong = |nth: usize| text::HEALTH_SOURCE_HEADS[nth] == text::HEALTH_UNPARSED && source.unparsed > 0;
    let cells = cells.into_iter().zip(1..).filter(|(_, nth)| told[*nth]);
    let cells = cells.map(|(words, nth)| {
        view! { <td class:health-wrong=is_wrong(nth) data-label=text::HEALTH_SOURCE_HEADS[nth]>{words}</td> }
    });
    let cells = cells.collect_view();
    view! {
        <tr>
            <th scope="row" class="health-log" title=format::visible(&source.path)>
                {format::visible(source.path.strip_prefix(folder).unwrap_or(&source.path))}
                {notes}{year}
            </th>
            {cells}
        </tr>
    }
}

fn rules_of(source: &SourceHealth, now: &Rules) -> String {
    match source.rules.as_slice() {
        [] => text::DASH.to_owned(),
        [one] if one == now => text::rules(one.version),
        rules => rules
            .iter()
            .map(|rules| text::rules_and_settings(rules.version, &rules.settings))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Log time of hosts that was not observed.
fn lost(gaps: &[HostGap]) -> AnyView {
    if gaps.is_empty() {
        return view! { <p class="health-limits">{text::NOTHING_LOST}</p> };
    }
    let row = |gap: &HostGap| {
        let secs = gap.span.until.secs_since(gap.span.from).max(0) as u64;
        view! {
            <tr>
                <th scope="row">{format::visible(&gap.host)}</th>
                {cell(text::HEALTH_LOST_HEADS[1], instant(Some(gap.span.from)))}
                {cell(text::HEALTH_LOST_HEADS[2], instant(Some(gap.span.until)))}
                {cell(text::HEALTH_LOST_HEADS[3], format::duration(secs * 1_000))}
                {cell(text::HEALTH_LOST_HEADS[4], text::why_not(gap.why).to_owned())}
            </tr>
        }
    };
    let more = gaps.len().saturating_sub(MAX_STRETCHES) as u64;
    let more = (more > 0).then(|| view! { <p class="health-limits">{text::and_more(more)}</p> });
    let rows = gaps.iter().take(MAX_STRETCHES).map(row).collect();
    view! { {table(text::HEALTH_LOST, &text::HEALTH_LOST_HEADS, rows)}{more} }
}

/// By which rules log time was counted.
fn counted(health: &Health) -> AnyView {
    let is_now = |counted: &CountedSpan| counted.rules == health.rules;
    let row = |counted: &CountedSpan| {
        let settings = if is_now(counted) { text::RULES_OF_NOW.to_owned() } else { counted.rules.settings.clone() };
        view! {
            <tr>
                <th scope="row">{stretch(counted.span)}</th>
                {cell(text::HEALTH_COUNTED_HEADS[1], text::rules(counted.rules.version))}
                {cell(text::HEALTH_COUNTED_HEADS[2], settings)}
            </tr>
        }
    };
    let hint = (!health.counted.iter().all(is_now))
        .then(|| view! { <p class="note">{text::RECOUNT}" "<code>"mailtally recount"</code></p> });
    let more = health.counted.len().saturating_sub(MAX_STRETCHES) as u64;
    let more = (more > 0).then(|| view! { <p class="health-limits">{text::and_more(more)}</p> });
    let rows = health.counted.iter().take(MAX_STRETCHES).map(row).collect();
    view! { {table(text::HEALTH_COUNTED, &text::HEALTH_COUNTED_HEADS, rows)}{more}{hint} }
}

/// What is not understood comes first, with lines of it as they stood in the log.
fn programs(programs: &[ProgramHealth]) -> AnyView {
    let weight = |program: &ProgramHealth| Reverse((program.unparsed, program.understood, program.ignored));
    let compare = |a: &ProgramHealth, b: &ProgramHealth| (weight(a), &a.program).cmp(&(weight(b), &b.program));
    let in_order: Vec<&ProgramHealth> = order::sorted(programs, compare).collect();
    let row = |program: &&ProgramHealth| {
        view! {
            <tr>
                <th scope="row">{format::visible(&program.program)}</th>
                {cell(text::HEALTH_PROGRAM_HEADS[1], count(program.understood))}
                {cell(text::HEALTH_PROGRAM_HEADS[2], count(program.ignored))}
                <td data-label=text::HEALTH_PROGRAM_HEADS[3] class:health-wrong=program.unparsed.gt(&0)>
                    {count(program.unparsed)}
                </td>
            </tr>
        }
    };
    let examples = in_order.iter().filter(|program| !program.examples.is_empty()).map(|program| {
        view! {
            <details class="examples">
                <summary>{text::not_understood(&format::visible(&program.program))}</summary>
                <pre tabindex="0">{program.examples.iter().map(|line| format::visible(line)).collect::<Vec<_>>().join("\n")}</pre>
            </details>
        }
    });
    let examples = examples.collect_view();
    let rows = in_order.iter().map(row).collect();
    view! { {table(text::HEALTH_PROGRAMS, &text::HEALTH_PROGRAM_HEADS, rows)}{examples} }
}

fn count(count: u64) -> String {
    intl::number(count as f64, 0)
}

fn instant(t: Option<Time>) -> String {
    t.map_or_else(|| text::DASH.to_owned(), |t| format::date_and_clock(t, &Host::get().zone_at(t)))
}

fn stretch(span: Span) -> String {
    format::stretch(span, &intl::zone(&Host::get().zone_name(), span))
}
