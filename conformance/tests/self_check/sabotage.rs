//! The ways to break an adapter, and which checks have to notice.

use std::collections::BTreeSet;

use pdm_registrar::{
    Ability, Applied, Descriptor, Error, ErrorKind, HostedDelegation, Mode, Probe, Registration, Retry,
    Snapshot, Support, ZoneExport,
};

/// One way.
#[derive(Clone, Copy, Debug)]
pub enum Sabotage {
    Describes(fn(&mut Descriptor)),
    HelpRepeatsSecrets,
    SendsWhenOpened,
    Probes(fn(&mut Probe)),
    ProbesNothing,
    ProbesHarm,
    ReadsHarm,
    WritesHarm,
    RefusalsHarm,
    RefusalsAreSuccess,
    BelievesTheVendor,
    SwallowsWrites,
    UndoesWrites,
    NeverUnchanged,
    AddsOnly,
    KeepsOneDs,
    DropsDs,
    Registrations(fn(&mut Registration)),
    Snapshots(fn(&mut Snapshot)),
    Delegations(fn(&mut HostedDelegation)),
    Exports(fn(&mut ZoneExport)),
    Errors(fn(&mut Error)),
    RestoresAnything,
    RestoresNoDs,
    SwallowsRestores,
    TasksAreDone,
    TasksAreForgotten,
    ConflictsAreAccepted,
    NamesTasksAnew,
    OneTxtOnly,
    MangledTxt,
    ReadsNothingBack,
    GivesUpAtOnce,
    FollowsRedirects,
    ErrorsRepeatSecrets,
    SnapshotsHoldSecrets,
    SendsSecretsAbout,
    LogsSecrets,
}

use Sabotage as S;

const UNEXPECTED: Sabotage = S::Errors(|error| error.kind = ErrorKind::Unexpected);
const SAYS_UNDONE: Sabotage = S::Errors(|error| error.applied = Applied::No);
const SAYS_DONE: Sabotage = S::Errors(|error| error.applied = Applied::Yes);
const NEVER_AGAIN: Sabotage = S::Errors(|error| error.retry = Retry::Never);

/// Each check, and the ways that turn it red.
pub const TABLE: &[(&str, &[Sabotage])] = &[
    (
        "credentials::descriptor_is_usable",
        &[S::Describes(|is| is.needs = &[&["nothing"]])],
    ),
    (
        "credentials::incomplete_ones_are_refused",
        &[S::Describes(|is| is.needs = &[&[]])],
    ),
    ("credentials::opening_sends_nothing", &[S::SendsWhenOpened]),
    (
        "credentials::good_ones_see_the_domain",
        &[S::Probes(|probe| probe.domain_in_account = false)],
    ),
    (
        "credentials::probe_agrees_with_the_descriptor",
        &[S::Probes(denies_all), S::ProbesNothing],
    ),
    ("credentials::probe_changes_nothing", &[S::ProbesHarm]),
    ("credentials::wrong_key_is_told", &[S::ProbesNothing, UNEXPECTED]),
    ("credentials::missing_scope_is_told", &[S::ProbesNothing]),
    ("credentials::account_tier_is_told", &[S::ProbesNothing]),
    ("credentials::allow_list_is_told", &[S::ProbesNothing]),
    ("credentials::foreign_domain_is_told", &[S::ProbesNothing]),
    (
        "credentials::vendor_that_is_away_is_told",
        &[S::ProbesNothing, NEVER_AGAIN],
    ),
    (
        "credentials::lock_is_told",
        &[S::ProbesNothing, S::RefusalsAreSuccess],
    ),
    (
        "credentials::end_of_registration_is_told",
        &[S::ProbesNothing, S::RefusalsAreSuccess],
    ),
    (
        "credentials::refused_ones_change_nothing",
        &[S::RefusalsHarm, S::RefusalsAreSuccess],
    ),
    (
        "nameservers::reads_current_set",
        &[S::Registrations(loses_a_host)],
    ),
    (
        "nameservers::reads_every_domain_of_the_account",
        &[S::Registrations(|seen| seen.mode = Mode::External)],
    ),
    (
        "nameservers::write_is_done",
        &[S::SwallowsWrites, S::UndoesWrites],
    ),
    ("nameservers::second_write_is_unchanged", &[S::NeverUnchanged]),
    (
        "nameservers::write_of_what_is_there_sends_nothing",
        &[S::NeverUnchanged],
    ),
    ("nameservers::write_replaces_the_whole_set", &[S::AddsOnly]),
    (
        "nameservers::spelling_of_the_vendor_does_not_matter",
        &[S::NeverUnchanged],
    ),
    (
        "nameservers::write_leaves_the_hosting",
        &[
            S::Registrations(|seen| seen.mode = Mode::Hosted),
            S::SwallowsWrites,
        ],
    ),
    (
        "ds::reads_current_ones",
        &[S::Registrations(|seen| seen.ds = Some(BTreeSet::new()))],
    ),
    ("ds::write_is_done", &[S::SwallowsWrites]),
    ("ds::second_write_is_unchanged", &[S::NeverUnchanged]),
    ("ds::write_replaces_all", &[S::AddsOnly]),
    ("ds::two_stand_side_by_side", &[S::KeepsOneDs]),
    ("ds::none_wanted_removes_all", &[S::SwallowsWrites]),
    ("ds::without_its_key_is_done_or_refused", &[S::SwallowsWrites]),
    (
        "snapshots::say_what_is_there",
        &[S::Snapshots(|taken| taken.nameservers.clear())],
    ),
    ("snapshots::restore_puts_nameservers_back", &[S::SwallowsRestores]),
    (
        "snapshots::restore_of_what_is_there_sends_nothing",
        &[S::NeverUnchanged],
    ),
    ("snapshots::restore_puts_ds_back", &[S::RestoresNoDs]),
    (
        "snapshots::restore_puts_hosting_and_its_zone_back",
        &[S::SwallowsRestores],
    ),
    (
        "snapshots::what_cannot_be_restored_is_told_before_a_write",
        &[S::Describes(|is| {
            is.capabilities.restore_mode = Support::No("no");
        })],
    ),
    ("snapshots::another_domain_is_refused", &[S::RestoresAnything]),
    ("tasks::accepted_is_done_in_the_end", &[S::UndoesWrites]),
    (
        "tasks::are_known_to_an_account_opened_later",
        &[S::TasksAreForgotten],
    ),
    ("tasks::stuck_one_is_pending", &[S::TasksAreDone]),
    (
        "tasks::pending_one_is_shown",
        &[S::Registrations(|seen| seen.pending = None)],
    ),
    ("tasks::failed_one_is_told", &[S::TasksAreDone]),
    (
        "tasks::other_write_waits_for_a_pending_one",
        &[S::ConflictsAreAccepted],
    ),
    ("tasks::same_write_joins_a_pending_one", &[S::NamesTasksAnew]),
    ("tasks::unknown_one_is_no_success", &[S::TasksAreDone]),
    ("export::loses_nothing_or_says_so", &[S::Exports(loses_a_record)]),
    (
        "export::is_in_presentation_form",
        &[
            S::Exports(|export| export.records.reverse()),
            S::Exports(relative),
        ],
    ),
    (
        "hosted_zone::nothing_stands_at_a_free_name",
        &[S::Delegations(gains_a_record)],
    ),
    (
        "hosted_zone::delegation_is_done",
        &[S::SwallowsWrites, S::UndoesWrites],
    ),
    (
        "hosted_zone::second_delegation_is_unchanged",
        &[S::NeverUnchanged],
    ),
    (
        "hosted_zone::delegation_replaces_its_own_name_servers",
        &[S::AddsOnly],
    ),
    (
        "hosted_zone::delegation_of_a_deep_name_is_done",
        &[S::SwallowsWrites],
    ),
    (
        "hosted_zone::delegation_over_records_of_the_customer_is_refused",
        &[S::RefusalsAreSuccess, S::RefusalsHarm],
    ),
    (
        "hosted_zone::end_of_a_delegation_is_done_and_repeatable",
        &[S::NeverUnchanged, S::WritesHarm],
    ),
    (
        "hosted_zone::end_of_a_foreign_delegation_is_a_conflict",
        &[S::RefusalsAreSuccess],
    ),
    ("hosted_zone::signed_delegation_is_done_and_undone", &[S::DropsDs]),
    (
        "hosted_zone::ds_that_cannot_be_held_is_refused_before_a_write",
        &[S::DropsDs, S::RefusalsAreSuccess],
    ),
    (
        "hosted_zone::zone_that_is_elsewhere_is_refused",
        &[S::RefusalsAreSuccess, S::RefusalsHarm],
    ),
    (
        "txt::value_is_put_beside_others",
        &[S::OneTxtOnly, S::SwallowsWrites],
    ),
    ("txt::second_put_is_unchanged", &[S::NeverUnchanged]),
    ("txt::only_the_value_is_removed", &[S::OneTxtOnly, S::WritesHarm]),
    (
        "txt::removal_of_what_is_not_there_is_unchanged",
        &[S::NeverUnchanged],
    ),
    ("txt::strange_values_are_kept_or_refused", &[S::MangledTxt]),
    ("not_ours::reads_change_nothing", &[S::ReadsHarm]),
    ("not_ours::writes_leave_everything_else", &[S::WritesHarm]),
    (
        "not_ours::leaving_the_hosting_leaves_everything_else",
        &[S::WritesHarm],
    ),
    (
        "not_ours::domain_of_another_account_is_out_of_reach",
        &[S::RefusalsAreSuccess, S::RefusalsHarm],
    ),
    (
        "not_ours::account_opened_for_reading_sends_no_write",
        &[S::SendsWhenOpened],
    ),
    ("limits::most_name_servers_are_taken", &[S::SwallowsWrites]),
    (
        "limits::one_name_server_too_many_is_refused_before_a_write",
        &[S::Describes(|is| is.nameservers = (3, 13)), S::RefusalsAreSuccess],
    ),
    (
        "limits::names_outside_ascii_are_changed",
        &[S::SwallowsWrites, S::WritesHarm],
    ),
    (
        "limits::names_below_two_labels_are_changed",
        &[S::SwallowsWrites, S::WritesHarm],
    ),
    (
        "limits::longest_host_name_is_taken_or_refused",
        &[S::SwallowsWrites],
    ),
    (
        "limits::names_outside_the_zone_are_refused",
        &[S::RefusalsAreSuccess],
    ),
    (
        "limits::claimed_capabilities_work",
        &[S::SwallowsWrites, S::UndoesWrites],
    ),
    (
        "limits::unclaimed_capabilities_are_refused_before_a_write",
        &[S::RefusalsAreSuccess],
    ),
    (
        "errors::too_many_calls_with_a_time_to_wait",
        &[NEVER_AGAIN, UNEXPECTED],
    ),
    (
        "errors::too_many_calls_without_a_time_to_wait",
        &[NEVER_AGAIN, UNEXPECTED],
    ),
    (
        "errors::too_many_calls_leave_a_write_undone",
        &[
            S::Errors(|error| error.applied = Applied::Unknown),
            S::RefusalsHarm,
        ],
    ),
    ("errors::one_failed_read_is_survived", &[S::GivesUpAtOnce]),
    (
        "errors::vendor_that_stays_broken_is_away",
        &[UNEXPECTED, S::ProbesNothing],
    ),
    ("errors::maintenance_is_away", &[UNEXPECTED, NEVER_AGAIN]),
    (
        "errors::page_in_place_of_an_answer_is_away",
        &[UNEXPECTED, S::ProbesNothing],
    ),
    ("errors::connection_cut_while_reading_is_away", &[UNEXPECTED]),
    ("errors::silence_ends_at_the_deadline", &[UNEXPECTED]),
    (
        "errors::huge_answer_is_not_swallowed",
        &[UNEXPECTED, S::ProbesNothing],
    ),
    ("errors::redirect_is_not_followed", &[S::FollowsRedirects]),
    (
        "errors::write_that_failed_is_told_truly",
        &[SAYS_DONE, S::UndoesWrites],
    ),
    (
        "errors::write_that_was_done_and_failed_is_told_truly",
        &[S::ReadsNothingBack, S::UndoesWrites],
    ),
    ("errors::write_cut_before_it_was_done_is_told_truly", &[SAYS_DONE]),
    (
        "errors::write_cut_after_it_was_done_is_told_truly",
        &[S::UndoesWrites],
    ),
    ("errors::write_into_silence_is_told_truly", &[SAYS_DONE]),
    (
        "errors::write_answered_by_a_page_is_told_truly",
        &[SAYS_DONE, UNEXPECTED],
    ),
    (
        "errors::write_answered_by_something_huge_is_told_truly",
        &[SAYS_DONE],
    ),
    (
        "errors::write_during_maintenance_is_told_truly",
        &[SAYS_DONE, UNEXPECTED],
    ),
    (
        "errors::yes_without_a_deed_is_no_success",
        &[S::BelievesTheVendor, SAYS_UNDONE],
    ),
    ("errors::late_deed_is_told_truly", &[SAYS_UNDONE]),
    (
        "secrets::malformed_credentials_are_not_repeated",
        &[S::HelpRepeatsSecrets],
    ),
    ("secrets::errors_hold_none", &[S::ErrorsRepeatSecrets]),
    (
        "secrets::vendor_that_repeats_them_is_not_quoted",
        &[S::ErrorsRepeatSecrets],
    ),
    (
        "secrets::snapshots_and_tasks_hold_none",
        &[S::SnapshotsHoldSecrets],
    ),
    ("secrets::only_the_vendor_gets_them", &[S::SendsSecretsAbout]),
    ("secrets::logs_hold_none_at_any_level", &[S::LogsSecrets]),
];

fn denies_all(probe: &mut Probe) {
    let no = || Ability::no(ErrorKind::ScopeMissing, "no");
    (probe.read_ns, probe.change_ns, probe.change_ds) = (no(), no(), no());
    (probe.delegate_subdomain, probe.export_zone) = (no(), no());
}

fn loses_a_host(seen: &mut Registration) {
    seen.nameservers.pop_first();
}

fn loses_a_record(export: &mut ZoneExport) {
    export.records.pop();
}

/// Names without their final dot, as many vendors keep them.
fn relative(export: &mut ZoneExport) {
    for record in &mut export.records {
        record.value = record.value.trim_end_matches(['.', '"']).to_owned();
    }
}

fn gains_a_record(seen: &mut HostedDelegation) {
    seen.other_types.insert("A".to_owned());
}
