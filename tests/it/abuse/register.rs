//! Which tests cover which case where they are not, or not all, in this module, and what does not
//! apply.

use std::collections::BTreeSet;

use crate::tidy::files::{File, with_extension};

/// A case; the tests elsewhere that cover it, each by its file and name; and why there are none, or
/// what of the case they leave out.
struct Line {
    id: &'static str,
    tests: &'static [&'static str],
    remark: &'static str,
}

const fn line(id: &'static str, tests: &'static [&'static str], remark: &'static str) -> Line {
    Line { id, tests, remark }
}

/// The register. What is not there yet says so.
const ELSEWHERE: &[Line] = &[
    line(
        "T-06",
        &[
            "tests/it/groups.rs any_member_of_a_group_fills_its_slot_who_was_not_put_there_for_it",
            "services/audit/tests/it/alerts.rs two_people_who_always_approve_each_other",
        ],
        "",
    ),
    line(
        "T-07",
        &[
            "services/approval/tests/it/decide.rs a_yes_of_somebody_who_was_disabled_since_completes_nothing",
            "services/approval/tests/it/stages.rs a_vote_that_lost_its_standing_is_dropped_at_the_end_and_may_be_given_again",
        ],
        "",
    ),
    line(
        "T-10",
        &[
            "services/approval/tests/it/refusals.rs nobody_changes_their_mind_and_the_same_again_is_the_same",
            "services/approval/tests/it/stages.rs two_accounts_of_one_person_count_once_over_stages",
        ],
        "",
    ),
    line(
        "T-12b",
        &[
            "services/approval/tests/it/refusals.rs what_nobody_decided_in_time_is_resolved_by_time_alone",
            "services/approval/tests/it/refusals.rs a_withdrawn_one_is_resolved_whether_or_not_that_is_recorded",
        ],
        "",
    ),
    line(
        "T-12c",
        &[
            "services/approval/tests/it/shorten.rs no_more_than_was_asked_for_and_no_less_than_the_minimum",
        ],
        "",
    ),
    line(
        "T-15",
        &[
            "services/access/tests/it/rights.rs nobody_may_ask_about_others_without_the_right",
            "services/access/tests/it/rights.rs a_checker_may_check_at_its_scope_and_list_nobody",
        ],
        "",
    ),
    line(
        "T-16",
        &[
            "tests/it/sweep/credentials.rs no_rpc_works_without_a_good_credential",
            "tests/it/sweep/table.rs a_method_outside_of_the_table_answers_nobody",
            "tests/it/sweep/table.rs every_rpc_has_a_row_and_every_row_an_rpc",
        ],
        "",
    ),
    line(
        "T-17",
        &[
            "shared/chassis/tests/it/auth.rs a_token_without_signature_is_refused",
            "shared/chassis/tests/it/auth.rs a_public_key_is_not_a_shared_secret",
            "shared/chassis/tests/it/auth.rs claims_that_are_not_for_us_are_refused",
            "shared/chassis/tests/it/auth.rs the_type_must_be_an_access_tokens",
            "shared/chassis/tests/it/auth.rs another_algorithm_than_the_keys_is_refused",
        ],
        "",
    ),
    line(
        "T-18",
        &[
            "shared/chassis/tests/it/auth.rs keys_that_a_token_brings_along_are_ignored",
            "shared/chassis/tests/it/auth.rs the_kid_is_only_a_name",
            "shared/chassis/tests/it/discovery.rs a_discovery_document_of_another_issuer_is_refused",
        ],
        "",
    ),
    line(
        "T-19",
        &[
            "tests/it/tls/services.rs a_service_does_not_hear_a_token_that_comes_with_anothers_certificate",
            "shared/chassis/tests/it/bound.rs an_issuer_can_be_held_to_bound_tokens",
            "shared/chassis/tests/it/bound.rs what_is_not_known_of_a_binding_is_not_passed_over",
            "shared/chassis/tests/it/dpop.rs a_proof_by_each_algorithm_is_accepted_once",
        ],
        "",
    ),
    line(
        "T-20",
        &[
            "services/activation/tests/it/policy.rs where_a_fresh_sign_in_is_asked_for_an_old_one_has_to_be_renewed",
            "services/activation/tests/it/rules.rs only_step_up_missing_is_asked_for_and_the_same_request_works_after_it",
        ],
        "",
    ),
    line(
        "T-21",
        &[
            "services/activation/tests/it/single_use.rs a_sign_in_serves_for_one_activation_of_all_roles_with_the_rule",
            "services/activation/tests/it/single_use.rs an_extension_takes_another_sign_in",
            "shared/store/tests/it/used_authentications.rs one_sign_in_is_not_written_for_two_activations",
        ],
        "",
    ),
    line(
        "T-22",
        &[
            "services/assignment/tests/it/principal_states.rs who_is_disabled_holds_nothing_and_cannot_call",
            "services/access/tests/it/memory.rs who_is_disabled_asks_nothing_from_the_next_state_on",
        ],
        "",
    ),
    line(
        "T-25",
        &["tests/it/rates.rs who_floods_is_told_when_to_ask_again_and_stops_nobody_else"],
        "",
    ),
    line(
        "T-27",
        &[
            "tests/it/tls/handshake.rs a_client_must_show_a_good_certificate_where_that_is_asked_for",
            "tests/it/tls/services.rs a_services_token_is_bound_to_the_services_name",
        ],
        "",
    ),
    line(
        "T-32",
        &[
            "services/activation/tests/it/again.rs a_policy_that_was_tightened_since_is_obeyed",
            "services/activation/tests/it/again.rs an_approver_whom_the_policy_names_no_more_was_still_needed",
            "services/activation/tests/it/due.rs a_booked_one_is_judged_by_the_stricter_policy_at_its_start",
        ],
        "",
    ),
    line(
        "T-34",
        &[
            "tests/it/custom_role.rs it_is_granted_asked_by_action_changed_and_deleted_and_all_of_it_ends",
            "services/assignment/tests/it/scopes.rs a_scope_is_deleted_once_nothing_needs_it",
        ],
        "",
    ),
    line(
        "T-35",
        &[
            "services/assignment/tests/it/create_rules.rs where_permanent_is_not_permitted_the_maximum_binds",
        ],
        "not yet: there is no configuration that is applied in one go",
    ),
    line(
        "T-36",
        &[
            "services/assignment/tests/it/holders.rs the_first_administrators_stay_until_there_are_others",
            "services/assignment/tests/it/races.rs of_the_last_two_holders_one_stays",
            "services/assignment/tests/it/races.rs two_administrators_cannot_disable_each_other",
            "tests/it/groups.rs the_last_holders_may_hold_through_a_group_but_do_not_leave_it",
        ],
        "",
    ),
    line(
        "T-37",
        &[
            "services/assignment/tests/it/policy_refusals.rs a_policy_that_nobody_could_satisfy_is_refused",
            "services/activation/tests/it/rules.rs where_nobody_could_approve_nothing_is_asked",
            "services/audit/tests/it/alerts.rs a_policy_that_nobody_can_approve",
        ],
        "",
    ),
    line("T-38", &["services/audit/tests/it/alerts.rs a_break_glass_account_that_is_used"], ""),
    line(
        "T-39",
        &["services/audit/tests/it/alerts.rs fewer_than_two_break_glass_holders"],
        "the drill is an operator's",
    ),
    line(
        "T-40",
        &[
            "tests/it/frozen.rs each_write_is_refused_in_a_frozen_tenant_or_works",
            "tests/it/frozen.rs two_persons_who_did_not_freeze_it_end_a_freeze",
            "tests/it/frozen/operator.rs one_administrator_who_did_not_freeze_it_and_an_operator_end_a_freeze",
            "tests/it/frozen/race.rs no_gain_commits_after_a_freeze",
        ],
        "",
    ),
    line(
        "T-44",
        &[
            "services/approval/tests/it/decide.rs a_yes_after_which_the_request_is_not_permitted_any_more_says_so",
            "services/activation/tests/it/again.rs an_eligibility_that_was_removed_since_grants_nothing",
            "services/activation/tests/it/due.rs a_pending_one_is_void_when_its_eligibility_ends_by_time",
        ],
        "",
    ),
    line(
        "T-45",
        &[
            "tests/it/stories.rs an_activation_ends_with_its_eligibility",
            "services/access/tests/it/check.rs nobody_waits_for_a_revocation_to_be_noticed",
        ],
        "",
    ),
    line(
        "T-46",
        &[
            "services/access/tests/it/check.rs a_clock_that_is_set_back_revives_nothing",
            "shared/chassis/src/clock.rs a_jump_back_revives_nothing_and_blocks_gaining",
        ],
        "",
    ),
    line(
        "T-47",
        &[
            "shared/chassis/src/clock.rs a_database_that_contradicts_older_samples_is_believed",
            "shared/chassis/src/clock.rs no_reading_is_earlier_than_the_floor",
        ],
        "",
    ),
    line(
        "T-48",
        &[
            "shared/chassis/src/clock.rs a_wall_clock_that_is_set_is_not_followed_and_is_doubted",
            "services/activation/tests/it/due.rs nothing_starts_while_the_clock_is_in_doubt",
        ],
        "",
    ),
    line("T-49", &["shared/domain/src/time.rs what_has_no_fixed_length_is_refused"], ""),
    line(
        "T-49a",
        &[
            "services/activation/tests/it/extend.rs it_is_judged_as_a_new_request_from_the_start",
            "services/audit/tests/it/alerts.rs roles_that_are_activated_again_and_again_or_at_night",
        ],
        "",
    ),
    line("T-50", &[], "not yet: that a service starts with another configuration is no entry"),
    line(
        "T-51",
        &[
            "tests/it/tamper.rs whatever_is_done_to_a_log_is_found_by_fsck",
            "shared/store/tests/it/sealed.rs nothing_that_is_sealed_can_be_changed",
            "shared/store/tests/it/walls.rs no_login_changes_the_log_or_the_schema",
        ],
        "",
    ),
    line("T-52", &["tests/it/tamper.rs whatever_is_done_to_a_log_is_found_by_fsck"], ""),
    line(
        "T-53",
        &[
            "services/audit/tests/it/signing.rs a_log_that_was_rolled_back_is_not_signed",
            "tests/it/tamper.rs whatever_is_done_to_a_log_is_found_by_fsck",
        ],
        "not yet: a witness outside",
    ),
    line(
        "T-54",
        &["tests/it/replay.rs what_was_changed_behind_the_services_is_found"],
        "not yet: rows with a code of their own",
    ),
    line(
        "T-55",
        &[
            "shared/domain/tests/it/log/files.rs another_past_is_a_fork",
            "tests/it/tamper.rs what_the_server_has_signed_is_verified_from_the_outside",
        ],
        "not yet: a witness outside",
    ),
    line(
        "T-56",
        &[
            "services/audit/tests/it/signing.rs no_key_takes_over_silently",
            "shared/domain/tests/it/log/notes.rs a_key_is_followed_by_what_it_and_the_next_have_signed",
        ],
        "",
    ),
    line(
        "T-56b",
        &[
            "shared/domain/src/export/csv.rs no_cell_is_a_formula",
            "services/audit/tests/it/export.rs csv_has_a_heading_and_a_line_for_each_and_no_formula",
            "cli/src/output.rs control_characters_do_not_reach_the_terminal",
        ],
        "",
    ),
    line(
        "T-56d",
        &[
            "services/audit/tests/it/folded.rs each_refusal_is_counted_and_few_are_entries",
            "shared/domain/tests/it/folding.rs so_many_are_entries_and_the_rest_of_the_minute_is_one",
        ],
        "",
    ),
    line(
        "T-56e",
        &[
            "services/audit/tests/it/rights.rs nobody_else_reads_it",
            "services/audit/tests/it/proofs.rs one_tenant_proves_nothing_to_another",
            "services/audit/tests/it/export.rs that_somebody_exports_is_told_and_so_is_that_somebody_may_not",
        ],
        "",
    ),
    line("T-56f", &[], "not yet: a text cannot be erased"),
    line(
        "T-57",
        &[
            "tests/it/hostile.rs who_resets_streams_rapidly_is_told_to_calm_down",
            "tests/it/hostile.rs who_sends_headers_without_end_is_told_to_calm_down",
            "tests/it/hostile.rs headers_over_the_limit_end_their_own_call_alone",
        ],
        "",
    ),
    line(
        "T-58",
        &[
            "shared/chassis/src/connection.rs a_slow_handshake_ends",
            "shared/chassis/src/connection.rs a_silent_connection_ends",
            "shared/chassis/src/connection.rs one_connection_too_many_is_closed",
        ],
        "not yet: slow bodies, and answers that nobody reads",
    ),
    line(
        "T-59",
        &[
            "services/audit/tests/it/slow.rs a_caller_has_only_so_many_streams_and_gets_back_what_is_closed",
            "services/audit/tests/it/slow.rs a_reader_that_is_too_slow_is_cut_and_loses_nothing",
        ],
        "",
    ),
    line(
        "T-62",
        &[
            "tests/it/rates.rs who_floods_is_told_when_to_ask_again_and_stops_nobody_else",
            "tests/it/rates.rs tokens_that_are_no_good_stop_being_looked_at_and_known_ones_do_not",
        ],
        "",
    ),
    line(
        "T-63",
        &["shared/store/tests/it/errors.rs a_flood_of_one_purpose_does_not_stop_the_others"],
        "",
    ),
    line("T-64", &["tests/it/rates.rs a_tenant_that_floods_stops_no_other_and_can_still_lose"], ""),
    line(
        "T-65",
        &[
            "shared/store/tests/it/sealed.rs what_commits_late_is_sealed_late_and_not_lost",
            "tests/it/frozen/log.rs nothing_is_gained_while_nobody_seals_the_log",
        ],
        "",
    ),
    line(
        "T-66",
        &["tests/it/rates.rs who_floods_is_told_when_to_ask_again_and_stops_nobody_else"],
        "",
    ),
    line(
        "T-67",
        &[
            "services/scheduler/tests/it/step.rs what_cannot_be_done_does_not_hold_up_what_is_newer",
            "services/scheduler/tests/it/due.rs an_owner_that_is_down_holds_up_nobody_else_and_gets_its_own_later",
        ],
        "",
    ),
    line(
        "T-69",
        &[
            "services/scheduler/tests/it/due.rs two_schedulers_do_no_harm",
            "services/activation/tests/it/due.rs an_expiry_is_recorded_once_as_of_the_end",
        ],
        "",
    ),
    line(
        "T-70",
        &[
            "services/activation/tests/it/idempotency.rs giving_up_twice_under_one_id_is_giving_up_once",
        ],
        "",
    ),
    line("T-71", &[], "not yet: who may reach whom in a cluster"),
];

/// Every id of the list, in its order. There is no T-29.
fn ids() -> Vec<String> {
    let mut ids = Vec::new();
    for number in (1..=71).filter(|number| *number != 29) {
        ids.push(format!("T-{number:02}"));
        let more = match number {
            12 => "abcd",
            49 => "ab",
            56 => "abcdef",
            _ => "",
        };
        ids.extend(more.chars().map(|letter| format!("T-{number}{letter}")));
    }
    ids
}

/// The names of the tests of this module: functions whose name begins with an id.
fn tests_here(files: &[File]) -> BTreeSet<String> {
    let ours = files.iter().filter(|file| file.path.starts_with("tests/it/abuse/"));
    let names = ours.flat_map(|file| file.text.lines()).filter_map(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn t_")?;
        line.split_once('(').map(|(name, _)| name.to_owned())
    });
    names.collect()
}

/// `T-12a` of `12a_a_policy_that_..`.
fn id_of(test: &str) -> String {
    let (number, _) = test.split_once('_').unwrap();
    format!("T-{number}")
}

/// Whether a file has a test of that name.
fn has_test(files: &[File], test: &str) -> bool {
    let Some((path, name)) = test.split_once(' ') else { return false };
    let file = files.iter().find(|file| file.path == path);
    file.is_some_and(|file| {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        lines.windows(2).any(|pair| {
            let is_test = pair[0].starts_with("#[") && pair[0].contains("test");
            let function = pair[1].strip_prefix("async ").unwrap_or(pair[1]);
            is_test && function.starts_with(&format!("fn {name}("))
        })
    })
}

#[test]
fn every_case_is_tested_or_says_why_not() {
    let files = with_extension("rs");
    let here: BTreeSet<String> = tests_here(&files).iter().map(|test| id_of(test)).collect();
    let ids = ids();
    let known = |id: &&str| !ids.iter().any(|known| known == id);
    let unknown = here.iter().map(String::as_str).chain(ELSEWHERE.iter().map(|line| line.id));
    assert_eq!(unknown.filter(known).collect::<Vec<_>>(), Vec::<&str>::new(), "of no case");
    let listed: BTreeSet<&str> = ELSEWHERE.iter().map(|line| line.id).collect();
    assert_eq!(listed.len(), ELSEWHERE.len(), "a case has two lines");
    let forgotten = ids.iter().filter(|id| !here.contains(*id) && !listed.contains(id.as_str()));
    assert_eq!(forgotten.collect::<Vec<_>>(), Vec::<&String>::new(), "forgotten");
    for Line { id, tests, remark } in ELSEWHERE {
        assert!(!tests.is_empty() || !remark.is_empty(), "{id} says nothing");
        for test in *tests {
            assert!(has_test(&files, test), "{id}: there is no {test}");
        }
    }
}

#[test]
fn a_test_is_found_by_its_file_and_name() {
    let text = "#[tokio::test]\nasync fn one_thing() {}\nfn another() {}\n".to_owned();
    let files = [File { path: "tests/it/abuse/a.rs".to_owned(), text }];
    assert!(has_test(&files, "tests/it/abuse/a.rs one_thing"));
    for none in ["tests/it/abuse/a.rs another", "tests/it/b.rs one_thing", "one_thing"] {
        assert!(!has_test(&files, none), "{none}");
    }
    assert_eq!(id_of("12a_a_policy"), "T-12a");
    assert_eq!(tests_here(&files), BTreeSet::new());
}
