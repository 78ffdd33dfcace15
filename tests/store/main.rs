//! The contract of the store. Each test runs on SQLite (a file) and on PostgreSQL (a cluster of this run, see
//! `database`).
//!
//! The contracts use only the public functions of the store.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod attempts;
mod commands;
mod coverage;
mod database;
mod deliveries;
mod disclosure;
mod durability;
mod finish;
mod images;
mod intake;
mod organizers;
mod outbox;
mod quota;
mod rescore;
mod scores;
mod world;

/// Makes two tests of each contract, one per database: `deliveries::old_deliveries_are_deleted::sqlite`.
macro_rules! contracts {
    ($($group:ident: $($name:ident),+ $(,)?;)+) => { $(
        mod $group {
            $(mod $name {
                #[test]
                fn sqlite() {
                    crate::database::check(crate::database::Kind::Sqlite, crate::$group::$name);
                }

                #[test]
                fn postgres() {
                    crate::database::check(crate::database::Kind::Postgres, crate::$group::$name);
                }
            })+
        }
    )+ };
}

mod contract {
    contracts! {
        intake:
            a_new_ref_enters_its_commit,
            a_ref_that_returns_to_a_commit_makes_no_new_submission,
            a_deleted_ref_is_no_longer_known,
            one_ref_enters_two_phases,
            two_refs_enter_one_commit_once,
            an_observation_is_kept_whole_or_not_at_all,
            two_observers_enter_a_commit_once,
            a_repository_is_bound_once_and_followed_by_its_id,
            refs_of_a_new_repository_are_known,
            a_team_has_one_repository,
            a_new_team_and_its_entry_of_the_audit_log_are_written_together,
            submissions_are_counted_by_team;
        deliveries:
            deliveries_are_kept_once_for_each_forge,
            deliveries_at_once_share_commits_and_are_all_durable,
            deliveries_with_texts_do_not_wait_for_pushes,
            deliveries_are_handled_in_their_order,
            deliveries_above_the_limit_are_refused_and_none_is_lost,
            a_deferred_delivery_delays_no_other,
            old_deliveries_are_deleted;
        attempts:
            every_submission_is_claimed_by_one_worker,
            a_claim_needs_the_right_stage_and_time,
            only_the_owner_renews_and_ends_an_attempt,
            a_retry_is_a_new_attempt_and_not_before_its_time,
            attempts_are_numbered_per_case,
            lost_attempts_are_found_by_owner_and_by_lease,
            the_first_reason_of_a_kill_is_kept,
            admission_is_shared_by_the_tasks_of_a_push,
            equal_content_is_recognised,
            waiting_submissions_are_listed_longest_waiting_first,
            changes_are_sent_after_the_commit;
        finish:
            the_first_advance_makes_a_submission_per_task,
            an_end_is_written_completely_or_not_at_all,
            an_ended_submission_cannot_be_claimed,
            a_withdrawal_ends_a_waiting_or_a_working_submission,
            a_lease_is_lost_with_a_reason,
            an_image_is_unwanted_when_all_its_submissions_are_withdrawn,
            durations_are_known_per_board_and_stage,
            a_finished_attempt_reads_back;
        disclosure:
            an_outcome_is_disclosed_once_and_on_time,
            a_failed_run_keeps_its_incident_and_stage,
            a_withdrawal_or_a_rescore_ends_the_delay;
        quota:
            spending_and_refunding_add_up,
            a_submission_spends_once_and_is_refunded_once,
            days_begin_at_midnight_and_a_refund_counts_for_the_day_of_spending,
            a_decision_based_on_old_usage_is_refused,
            boards_and_teams_have_separate_quotas;
        scores:
            a_scoring_revision_is_added_once,
            a_board_keeps_its_first_scoring_revision,
            a_score_is_never_changed,
            a_score_belongs_to_a_scoring_revision_of_its_board,
            scores_are_listed_per_scoring_revision,
            a_board_counts_its_submissions;
        organizers:
            overrides_are_added_and_read_back,
            a_command_based_on_old_overrides_is_refused,
            grants_and_spent_evaluations_are_counted_separately,
            a_withdrawal_costs_an_evaluation_once_hidden_data_was_mounted,
            a_rerun_goes_back_to_a_stage_and_keeps_old_attempts,
            an_unknown_repository_waits_until_it_is_approved,
            a_second_repository_of_a_team_cannot_be_approved,
            a_submission_is_found_by_its_number;
        rescore:
            a_board_is_rescored_once_at_a_time,
            one_worker_prepares_a_rescore,
            one_worker_rescores_each_submission,
            a_rescore_is_applied_when_every_score_is_there,
            an_older_scoring_revision_can_become_current_again,
            a_rescore_of_an_outdated_scoring_revision_is_discarded,
            a_submission_that_cannot_be_scored_ends_the_rescore,
            definitions_of_boards_and_open_rescores_are_in_use;
        commands:
            a_command_is_recorded_once,
            a_command_is_begun_and_ended_once;
        outbox:
            the_newest_version_is_sent,
            priority_classes_are_separate,
            edits_keep_their_pace_and_the_published_state,
            an_abandoned_message_is_sent_again_in_a_new_version,
            a_message_that_is_enqueued_once_never_gets_a_new_version,
            a_new_version_during_sending_stays_due,
            a_message_that_needs_a_recheck_is_due_once_more,
            a_failed_version_waits_and_a_new_one_does_not,
            messages_are_due_in_order_of_priority_and_time,
            a_new_version_keeps_the_better_priority_and_time,
            entries_of_the_audit_log_are_added_in_order,
            messages_that_failed_for_one_reason_are_due_at_once,
            an_issue_is_deleted_by_its_number_only;
        images:
            a_team_has_one_owner_of_its_images,
            a_tag_enters_its_image_once,
            a_moved_tag_makes_another_submission,
            one_image_for_two_tasks_makes_two_submissions,
            the_same_image_in_another_manifest_is_recognised;
        durability:
            everything_is_there_after_reopening,
            another_schema_is_refused,
            opening_at_the_same_time_migrates_once,
            a_database_has_one_daemon,
            acknowledged_deliveries_survive_a_kill,
            interrupted_work_is_found_after_a_kill;
    }
}
