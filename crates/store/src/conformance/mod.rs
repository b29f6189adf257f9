//! What every adapter must do the same way, as sentences that panic when they are not true.
//!
//! [`store_conformance!`](crate::store_conformance) makes a test of each, on a fresh store of the adapter's own. Those of
//! [`replay_guard`] want guards of a given size instead, and are called by the tests of each guard.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are the bodies of tests, which fail by panicking"
)]

pub mod accept_marks;
pub mod burnt_nonces;
pub mod enrolments;
pub mod event_chain;
pub mod events;
pub mod keys;
pub mod outcomes;
pub mod races;
pub mod replay_guard;
pub mod revocations;
pub mod sample;
pub mod sealings;
pub mod server_secrets;
pub mod sessions;
pub mod successions;
pub mod tickets;
pub mod token_families;
pub mod users;

/// Makes a test of every sentence. `$fresh` is an async function that gives an empty [`Stores`](crate::Stores) and
/// whatever must live as long.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:path) => {
        $crate::store_conformance! { $fresh;
            accept_marks: nothing_is_kept_at_first, a_later_mark_takes_the_place_of_an_earlier_one,
                a_late_mark_changes_nothing, of_eight_marks_at_once_the_latest_is_kept;
            burnt_nonces: a_nonce_is_burnt_once_and_stays_burnt, at_most_the_limit_is_kept_per_key,
                the_same_nonce_of_another_key_is_another_nonce, a_nonce_that_comes_again_is_kept_until_the_later_time,
                a_nonce_is_kept_until_its_time_is_over, the_octets_come_back_as_they_were,
                of_eight_burning_at_once_one_is_first;
            enrolments: a_confirmed_enrolment_makes_user_key_and_event, of_eight_wanting_a_name_one_has_it,
                of_eight_bringing_a_ticket_one_is_let_in, a_taken_name_leaves_the_ticket_open,
                a_used_ticket_never_works_again, a_revoked_ticket_lets_nobody_in, an_unknown_ticket_lets_nobody_in,
                a_ticket_is_good_to_the_millisecond, a_refused_confirmation_leaves_no_trace,
                an_id_that_exists_is_an_error_and_leaves_no_trace, of_eight_noting_a_hash_one_is_first,
                a_note_is_kept_until_its_time_is_over, a_note_for_ever_is_never_forgotten;
            event_chain: the_end_is_sealed_once_for_each_length, what_was_written_holds, a_head_that_is_not_ours_is_found,
                only_sealed_rows_from_before_the_time_are_removed, the_rest_holds_after_old_rows_were_removed,
                a_head_from_before_the_removal_is_not_held_against_the_log;
            events: events_are_numbered_from_one_without_gaps, the_log_is_read_by_cursor,
                events_are_selected_by_kind_user_session_and_time, whoever_waits_is_told_of_each_event,
                the_latest_come_oldest_first, an_event_comes_back_as_recorded, what_is_too_long_is_cut_between_letters;
            keys: a_revoked_key_stays_revoked, an_unknown_key_is_missing, keys_are_listed_by_cursor,
                a_users_keys_are_found, of_eight_revoking_a_key_one_does;
            outcomes: of_eight_beginning_at_once_one_is_first, an_answer_comes_back_as_it_was_kept,
                another_request_under_the_key_is_told_nothing_of_the_first,
                the_same_name_of_another_user_is_another_key, what_another_run_started_never_runs_again,
                only_the_run_that_started_a_request_settles_it,
                only_the_attempt_that_was_first_settles_it, an_outcome_is_settled_once,
                what_was_not_carried_out_may_run, an_outcome_is_kept_for_a_day_from_its_beginning,
                what_is_under_way_is_not_forgotten, a_user_begins_nothing_more_when_the_quota_is_used;
            races: a_revocation_counts_in_whatever_order_it_comes,
                a_login_in_flight_does_not_outlive_what_it_rests_upon;
            revocations: the_log_is_read_by_cursor_from_its_beginning, a_new_epoch_ends_everything_of_an_earlier_one,
                an_entry_is_kept_until_no_token_needs_it;
            sealings: everything_that_is_sealed_otherwise_is_found_once, what_is_sealed_anew_is_otherwise_the_same,
                only_the_value_that_was_read_is_replaced, of_eight_sealing_a_value_anew_one_does,
                the_secrets_of_sessions_are_sealed_anew,
                a_version_that_is_needed_is_not_retired, what_was_sealed_under_a_retired_version_is_not_taken_in;
            server_secrets: of_eight_first_secrets_all_get_the_same, a_secret_is_replaced_and_told_of,
                a_secret_that_was_not_there_can_be_replaced, secrets_are_exchanged_together;
            sessions: a_session_comes_back_as_it_was_opened, a_session_that_exists_is_not_opened_again,
                a_login_that_relies_on_what_is_no_longer_so_opens_nothing, an_ended_session_stays_ended,
                an_end_by_another_session_says_by_which, what_ends_with_a_change_is_told_of_each_session_by_its_name,
                of_eight_ending_a_session_one_does, a_user_ends_all_sessions_but_this_one,
                revoking_a_user_raises_the_generation, revoking_a_key_ends_the_sessions_that_it_opened,
                a_key_that_ends_in_any_other_way_ends_its_sessions, a_session_rests_upon_its_key,
                leaving_enabled_ends_the_sessions, no_more_sessions_are_live_than_the_limit_says,
                of_eight_logins_at_once_no_more_are_live_than_the_limit_says, sessions_are_listed_by_cursor,
                only_a_live_session_is_touched_and_only_forwards, sessions_are_forgotten_when_nothing_refers_to_them;
            successions: a_successor_is_kept_and_its_predecessor_ends_in_a_day, of_eight_successors_one_is_kept,
                nobody_takes_the_place_of_a_key_that_has_none_to_give, an_ending_key_ends_sooner_and_never_later,
                a_key_whose_end_has_come_is_revoked_and_its_successor_is_not,
                not_me_ends_a_successor_and_what_came_from_it, nobody_takes_back_what_is_not_theirs_to_end,
                revoking_a_key_revokes_what_came_from_it, deleting_a_user_revokes_keys_that_were_ending,
                recovering_uses_up_the_ticket_and_revokes_all_other_keys, of_eight_recovering_by_a_ticket_one_does,
                a_ticket_that_is_not_good_recovers_nobody, a_recovery_card_lets_nobody_new_in,
                new_codes_end_the_ones_before;
            tickets: a_ticket_comes_back_as_issued, a_revoked_ticket_stays_revoked, a_used_ticket_cannot_be_revoked,
                an_unknown_ticket_is_missing, an_id_is_issued_once, tickets_are_listed_by_cursor;
            token_families: a_refresh_replaces_the_token, of_eight_bringing_a_token_one_rotates_it,
                a_token_that_was_replaced_leads_to_the_same_successor_for_a_while,
                a_token_whose_successor_is_in_use_leads_nowhere,
                a_stale_token_ends_family_and_session_and_no_other,
                without_its_signature_a_token_of_a_key_session_changes_nothing,
                the_use_of_a_successor_is_noted, each_token_that_came_with_a_successor_makes_it_used,
                the_use_of_the_token_that_was_issued_last_is_noted,
                nothing_is_refreshed_of_what_has_ended,
                a_refresh_that_read_another_generation_is_refused,
                a_refresh_in_flight_does_not_bring_a_session_back;
            users: a_deleted_user_stays_deleted, deleting_a_user_revokes_the_keys,
                the_name_of_a_deleted_user_is_free, leaving_enabled_raises_the_generation,
                a_state_that_is_set_already_is_not_told_of, users_are_listed_by_name, an_unknown_user_is_missing,
                of_eight_deleting_a_user_one_does, an_added_user_has_the_password_and_no_key,
                a_taken_name_leaves_no_trace_of_the_second_user, of_eight_wanting_to_be_added_by_one_name_one_is,
                the_name_of_a_deleted_user_can_be_added_again, a_new_password_raises_the_generation,
                a_password_for_an_earlier_generation_is_not_set, of_eight_setting_a_password_one_does,
                a_program_has_no_password, a_hash_in_another_form_changes_nothing_else,
                a_new_role_or_other_permissions_raise_the_generation, a_deleted_user_is_given_nothing;
        }
    };
    ($fresh:path; $($port:ident: $($sentence:ident),+;)+) => {
        $(mod $port {
            $(#[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                let (stores, _alive) = $fresh().await;
                $crate::conformance::$port::$sentence(&stores).await;
            })+
        })+
    };
}

#[cfg(test)]
mod tests;
