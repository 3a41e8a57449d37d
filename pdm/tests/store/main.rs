//! Every promise of the store, kept on both databases.
//!
//! A case is an `async fn` that gets a fresh [`Database`](support::Database); the list at the end of this file runs each
//! on SQLite and on PostgreSQL. A file that is about one of the two only, or about none, has tests of its own.

mod answers;
mod claims;
mod coverage;
mod events;
mod findings;
mod keys;
mod leases;
mod names;
mod operations;
mod parents;
mod pools;
mod races;
mod schema;
mod support;
mod units;

/// Runs each case on each database. Tests run in the order of their names: with these, those of PostgreSQL follow one
/// another, and share one cluster.
macro_rules! on_both_databases {
    ($($module:ident: $($case:ident)+;)+) => {
        mod with_postgres {
            on_both_databases!(@ Postgres $($module: $($case)+;)+);
        }
        mod with_sqlite {
            on_both_databases!(@ Sqlite $($module: $($case)+;)+);
        }
    };
    (@ $kind:ident $($module:ident: $($case:ident)+;)+) => {
        $(mod $module {
            use crate::support::{Database, Kind};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                crate::$module::$case(Database::empty(Kind::$kind).await).await;
            })+
        })+
    };
}

on_both_databases! {
    names:
        a_free_name_is_taken_as_wished
        a_held_name_is_nobody_elses_and_not_twice_its_holders
        an_owned_name_stays_owned_however_long_ago_its_hold_would_have_ended
        a_hold_ends_in_the_statement_that_takes_the_name
        the_epoch_grows_with_each_ownership_whoever_has_it
        a_name_given_back_without_having_been_real_is_free_for_everybody
        a_name_is_given_back_by_who_saw_its_last_version_only
        a_tombstone_is_never_another_tenants_without_a_quarantine
        a_tombstone_is_its_last_tenants_at_any_time
        a_tombstone_is_another_tenants_after_the_quarantine
        a_tombstone_stays_one_when_its_last_tenant_gives_a_hold_back
        a_tombstone_stays_one_when_its_last_tenants_hold_is_swept
        a_tombstone_stays_one_when_its_last_tenants_hold_ends_in_the_statement
        a_tombstone_under_an_ended_hold_is_said_to_be_one
        ended_holds_are_swept_oldest_first_and_no_others
        names_with_an_owner_are_listed_by_name_and_pool
        the_lock_of_a_domain_serialises_what_is_decided_below_it
        time_moves_and_stands_still_within_a_unit;
    claims:
        a_claim_is_found_by_its_tenant_and_by_operators
        a_change_is_kept_whole
        a_change_that_saw_an_older_version_changes_nothing
        who_locked_a_claim_decides_alone
        a_hold_that_has_not_ended_is_committed_once
        a_hold_that_has_ended_cannot_be_committed_though_nobody_noticed
        a_hold_is_extended_and_never_shortened
        an_unknown_outcome_is_noted_beside_other_changes
        claims_are_listed_by_each_filter
        claims_are_counted_by_state_and_by_time
        a_name_has_one_owner_whichever_pool_it_is_wanted_below;
    races:
        of_fifty_reserves_of_one_name_one_wins
        of_a_tombstone_its_last_tenant_alone_is_among_the_winners
        commit_and_expiry_do_not_both_win
        renewal_and_expiry_do_not_both_win
        of_many_commits_of_one_hold_one_wins
        of_many_operations_on_one_name_one_starts;
    operations:
        an_operation_starts_with_its_steps_and_is_due_at_once
        one_operation_of_a_name_is_open
        an_operation_that_is_done_with_its_row_is_never_due
        the_newest_that_succeeded_is_known
        sixteen_workers_get_each_of_two_hundred_operations_once
        what_is_due_longest_comes_first
        the_end_of_a_lease_lets_another_worker_in_with_a_higher_fence
        only_what_is_in_hand_is_renewed
        what_could_not_be_written_is_given_back_by_who_holds_it
        what_a_worker_saves_is_kept_whole_and_its_lease_stays
        a_worker_that_lets_go_says_when_it_is_due_again
        what_has_ended_is_never_worked_on_again
        a_worker_of_another_ownership_of_the_name_writes_nothing
        a_seized_operation_is_out_of_its_workers_hands
        the_next_due_is_the_soonest_or_the_end_of_a_lease
        an_open_operation_can_be_hastened
        what_is_hastened_while_it_is_worked_on_is_due_at_once_after
        operations_are_found_and_listed_by_each_filter
        open_operations_are_counted_with_the_age_of_the_oldest
        the_journal_is_read_in_the_order_of_writing;
    events:
        an_event_is_seen_once_it_has_its_number
        events_are_read_by_tenant_and_operation_from_a_number_on
        events_of_one_unit_keep_their_order
        who_has_seen_a_number_has_seen_every_lower_one
        who_numbers_and_who_reads_are_woken
        old_events_are_forgotten_once_their_operation_has_ended;
    answers:
        an_answer_is_kept_once_under_its_key
        an_answer_under_decision_is_settled_once
        answers_are_forgotten_when_they_and_their_operation_are_old;
    leases:
        a_lease_has_one_holder_until_it_ends
        of_many_who_want_a_lease_one_gets_it
        the_leases_of_tasks_are_given_back_and_those_of_zones_stay
        one_lease_is_given_back_and_the_others_stay
        the_fence_of_a_lease_grows_though_it_was_given_back;
    parents:
        a_parent_that_nobody_looked_at_is_not_quiet
        our_own_changes_keep_a_parent_quiet
        a_change_that_failed_leaves_a_parent_in_doubt
        a_serial_goes_round
        a_change_by_others_is_noticed_until_the_next_full_look;
    pools:
        pools_are_added_once_and_changed_by_who_saw_the_last_version
        foreign_names_are_those_of_the_last_look
        every_host_that_names_were_delegated_to_is_known
        record_sets_are_put_replaced_and_removed_by_owner_and_type;
    findings:
        orphans_keep_their_first_sighting
        the_last_look_at_the_world_is_kept_per_claim;
    keys:
        tenants_have_names_of_their_own
        keys_are_made_used_and_revoked
        operator_keys_that_are_not_revoked_are_counted
        an_operator_key_that_has_ended_is_not_good
        the_trail_is_shown_in_pages_and_to_whom_it_concerns;
    units:
        a_unit_that_fails_leaves_nothing_and_its_neighbours_alone
        a_unit_that_panics_fails_alone_and_the_store_goes_on
        everything_of_a_unit_is_undone_with_it
        what_was_acknowledged_is_there_though_a_statement_was_refused
        a_unit_is_seen_after_its_end_and_not_before
        a_unit_is_done_though_its_caller_went_away
        what_was_acknowledged_is_there_after_reopening
        a_store_opened_for_reading_reads_beside_a_server_and_writes_nothing;
}
