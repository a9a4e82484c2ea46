//! The product as a person meets it: the binary of `cargo xtask dist` on demo data, in headless Chromium.
//!
//! One demo and one chromedriver serve all tests; each test has a browser of its own.

mod access;
mod accounts;
mod agreement;
mod compare;
mod drawing;
mod findings;
mod firefox;
mod hand;
mod history;
mod hostile;
mod keyboard;
mod lost;
mod many;
mod menu;
mod overview;
mod pictures;
mod places;
mod quiet;
mod reach;
mod stage;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use stage::{Stage, trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let stage = Arc::new(Stage::default());
    let conclusion = libtest_mimic::run(&arguments, tests(&stage));
    // Ends the demo and chromedriver, which `exit` would leave behind.
    drop(stage);
    conclusion.exit_code()
}

fn tests(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        trial(stage, "every_report_opens_from_the_menu", menu::every_report_opens_from_the_menu),
        trial(stage, "totals_are_those_of_the_command_line", agreement::totals_are_those_of_the_command_line),
        trial(stage, "steps_agree_with_the_command_line", agreement::steps_agree_with_the_command_line),
        trial(stage, "modes_agree_with_the_command_line", agreement::modes_agree_with_the_command_line),
        trial(stage, "the_downloaded_csv_is_the_table", agreement::the_downloaded_csv_is_the_table),
        trial(stage, "the_downloaded_csv_is_the_command_lines", agreement::the_downloaded_csv_is_the_command_lines),
        trial(stage, "a_name_digs_in_and_the_path_climbs_back", history::a_name_digs_in_and_the_path_climbs_back),
        trial(stage, "back_and_forward_restore_the_view", history::back_and_forward_restore_the_view),
        trial(stage, "a_pasted_link_shows_the_same", history::a_pasted_link_shows_the_same),
        trial(stage, "each_column_sorts_three_ways", table::each_column_sorts_three_ways),
        trial(stage, "columns_are_chosen", table::columns_are_chosen),
        trial(stage, "impossible_steps_say_why", table::impossible_steps_say_why),
        trial(stage, "every_chart_type_has_ink", drawing::every_chart_type_has_ink),
        trial(stage, "hovering_redraws_nothing", drawing::hovering_redraws_nothing),
        trial(stage, "the_crosshair_says_what_the_table_says", drawing::the_crosshair_says_what_the_table_says),
        trial(stage, "the_values_stay_in_sight", drawing::the_values_stay_in_sight),
        trial(stage, "what_the_page_knows_is_not_asked_again", quiet::what_the_page_knows_is_not_asked_again),
        trial(stage, "what_was_seen_is_not_asked_again", quiet::what_was_seen_is_not_asked_again),
        trial(stage, "nothing_is_inline_and_nothing_complains", quiet::nothing_is_inline_and_nothing_complains),
        trial(stage, "nothing_moves_while_a_page_loads", quiet::nothing_moves_while_a_page_loads),
        trial(stage, "the_first_chart_is_drawn_once", quiet::the_first_chart_is_drawn_once),
        trial(stage, "rows_that_come_later_move_nothing", quiet::rows_that_come_later_move_nothing),
        trial(stage, "visits_give_back_what_they_took", quiet::visits_give_back_what_they_took),
        trial(stage, "the_incidents_of_the_year_rank_first", findings::the_incidents_of_the_year_rank_first),
        trial(stage, "a_number_leads_to_the_events_that_make_it", findings::a_number_leads_to_the_events_that_make_it),
        trial(stage, "overage_is_what_the_report_counts", findings::overage_is_what_the_report_counts),
        trial(stage, "findings_fit_every_screen", findings::findings_fit_every_screen),
        trial(stage, "events_fit_every_screen", findings::events_fit_every_screen),
        trial(stage, "events_are_narrowed_down_to_what_there_is", findings::events_are_narrowed_down_to_what_there_is),
        trial(stage, "a_delivery_says_from_whom_it_came", findings::a_delivery_says_from_whom_it_came),
        trial(stage, "health_says_how_each_log_fared", findings::health_says_how_each_log_fared),
        trial(stage, "names_from_outside_are_text", hostile::names_from_outside_are_text),
        trial(stage, "the_overview_shows_each_report_once", overview::the_overview_shows_each_report_once),
        trial(stage, "every_piece_of_state_is_in_the_address", places::every_piece_of_state_is_in_the_address),
        trial(stage, "a_filter_narrows_rows_chart_and_csv", places::a_filter_narrows_rows_chart_and_csv),
        trial(stage, "a_drag_zooms_and_there_is_a_way_back", places::a_drag_zooms_and_there_is_a_way_back),
        trial(stage, "a_phone_reads_the_words_of_a_dialog", places::a_phone_reads_the_words_of_a_dialog),
        trial(stage, "the_chart_is_saved_as_a_picture", places::the_chart_is_saved_as_a_picture),
        trial(stage, "weeks_are_compared_with_weeks", compare::weeks_are_compared_with_weeks),
        trial(stage, "what_cannot_be_compared_says_why", compare::what_cannot_be_compared_says_why),
        trial(stage, "keys_do_what_clicks_do", keyboard::keys_do_what_clicks_do),
        trial(stage, "a_choice_leaves_the_hand_where_it_was", keyboard::a_choice_leaves_the_hand_where_it_was),
        trial(stage, "a_lost_server_is_said_and_found_again", lost::a_lost_server_is_said_and_found_again),
        trial(stage, "code_that_does_not_come_is_said_and_asked_for_again", lost::code_that_does_not_come),
        trial(stage, "an_app_that_does_not_come_is_said", lost::an_app_that_does_not_come),
        trial(stage, "a_slow_answer_shows_that_it_comes_and_can_be_left", lost::a_slow_answer_can_be_left),
        trial(stage, "a_hundred_thousand_rows_scroll_and_sort", many::a_hundred_thousand_rows_scroll_and_sort),
        trial(
            stage,
            "an_account_has_its_own_page_tokens_and_way_out",
            accounts::an_account_has_its_own_page_tokens_and_way_out,
        ),
        trial(stage, "arrows_walk_a_table_that_is_one_stop", hand::arrows_walk_a_table_that_is_one_stop),
        trial(stage, "hours_to_come_are_no_rows", hand::hours_to_come_are_no_rows),
        trial(stage, "the_zone_goes_from_page_to_page", hand::the_zone_goes_from_page_to_page),
        trial(stage, "a_table_is_a_part_of_the_page", hand::a_table_is_a_part_of_the_page),
        trial(stage, "nonsense_in_the_address_is_told", places::nonsense_in_the_address_is_told),
        trial(stage, "events_lead_back_to_the_report_as_it_was", places::events_lead_back_to_the_report_as_it_was),
        trial(stage, "back_shows_what_was_looked_at", hand::back_shows_what_was_looked_at),
        trial(stage, "overage_sorts_three_ways", hand::overage_sorts_three_ways),
        trial(stage, "paper_gets_the_report_alone", hand::paper_gets_the_report_alone),
        trial(stage, "an_empty_directory_says_what_to_do_first", hand::an_empty_directory_says_what_to_do_first),
        trial(stage, "zone_and_locale_are_the_persons", hand::zone_and_locale_are_the_persons),
        trial(
            stage,
            "what_is_new_is_asked_for_and_nothing_by_a_hidden_page",
            hand::what_is_new_is_asked_for_and_nothing_by_a_hidden_page,
        ),
        trial(stage, "two_fingers_zoom_and_one_scrolls", reach::two_fingers_zoom_and_one_scrolls),
        trial(stage, "the_calendar_is_walked_by_keys", reach::the_calendar_is_walked_by_keys),
        trial(stage, "the_systems_colours_tell_what_is_chosen", reach::the_systems_colours_tell_what_is_chosen),
        trial(stage, "older_events_come_page_by_page", reach::older_events_come_page_by_page),
        access::trial(stage),
        firefox::trial(stage),
        trial(stage, "pictures_are_taken", pictures::pictures_are_taken),
    ]
}
