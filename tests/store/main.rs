//! The store's contract: what every engine that keeps our rows has to do. Each contract runs on
//! SQLite (a file) and on PostgreSQL (a cluster of this run's own, see `engine`).
//!
//! Nothing is told to the store but through its public functions, and nothing is read past it.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod boards;
mod disclosure;
mod durability;
mod ends;
mod engine;
mod forges;
mod images;
mod intake;
mod orders;
mod outbox;
mod quota;
mod rescore;
mod surface;
mod work;
mod world;

/// Makes of each contract a test on either engine: `intake::deliveries_are_kept_once::sqlite`.
macro_rules! contracts {
    ($($group:ident: $($name:ident),+ $(,)?;)+) => { $(
        mod $group {
            $(mod $name {
                #[test]
                fn sqlite() {
                    crate::engine::check(crate::engine::Kind::Sqlite, crate::$group::$name);
                }

                #[test]
                fn postgres() {
                    crate::engine::check(crate::engine::Kind::Postgres, crate::$group::$name);
                }
            })+
        }
    )+ };
}

mod contract {
    contracts! {
        intake:
            a_new_ref_enters_its_commit,
            a_ref_that_comes_back_is_no_new_submission,
            a_ref_that_is_gone_is_forgotten,
            one_ref_enters_two_phases,
            two_refs_enter_one_commit_once,
            an_observation_is_kept_whole_or_not_at_all,
            two_observers_enter_a_commit_once,
            a_repository_is_bound_once_and_followed_by_its_id,
            a_team_has_one_repository,
            what_stands_at_first_sight_is_known,
            deliveries_are_kept_once_for_each_forge,
            deliveries_at_once_share_commits_and_are_all_durable,
            deliveries_are_handled_in_their_order,
            texts_wait_for_no_pushes,
            too_many_deliveries_are_refused_not_forgotten;
        work:
            every_submission_is_claimed_by_one_worker,
            a_claim_is_guarded_by_stage_and_moment,
            only_the_owner_renews_and_ends,
            a_retry_is_a_new_attempt_not_before_its_moment,
            cases_are_counted_apart,
            orphans_are_found_by_owner_and_by_lease,
            the_first_reason_of_a_kill_stands,
            the_fetch_is_shared_by_the_tasks_of_a_push,
            equal_content_is_recognised,
            waiting_lists_are_fair_and_complete,
            changes_are_told_after_the_commit;
        ends:
            tasks_fan_out_with_the_first_that_advances,
            an_end_is_written_whole_or_not_at_all,
            an_ended_submission_is_left_alone,
            a_withdrawal_ends_what_it_meets,
            a_lease_is_lost_with_a_reason,
            an_image_is_unwanted_when_all_its_submissions_are_withdrawn,
            what_work_took_is_known_by_board_and_kind,
            what_an_attempt_left_behind_reads_back;
        disclosure:
            a_sealed_verdict_is_told_once_and_in_its_time,
            a_failed_run_keeps_its_incident_and_stage,
            what_is_withdrawn_or_rescored_breaks_the_seal;
        quota:
            spending_and_refunding_add_up,
            a_submission_spends_once_and_is_refunded_once,
            days_begin_at_midnight_and_refunds_go_back_to_theirs,
            a_decision_on_old_usage_is_refused,
            boards_and_teams_are_apart;
        boards:
            a_revision_is_put_once,
            a_board_keeps_its_first_revision,
            a_score_is_never_changed,
            a_score_belongs_to_a_revision_of_its_board,
            scores_are_those_that_stand,
            a_board_counts_its_submissions;
        orders:
            overrides_are_added_and_read_back,
            an_order_on_old_overrides_is_refused,
            grants_are_kept_apart_from_what_is_spent,
            a_withdrawal_costs_what_was_seen,
            a_rerun_goes_back_and_keeps_what_was,
            a_stranger_waits_until_it_is_approved,
            a_team_keeps_its_repository_whatever_is_approved,
            a_submission_is_found_by_its_number;
        rescore:
            a_board_is_rescored_once_at_a_time,
            preparing_belongs_to_one_worker,
            each_submission_is_rescored_by_one_worker,
            a_board_turns_when_every_score_is_there,
            a_board_can_turn_back,
            a_rescore_of_what_is_no_more_is_discarded,
            one_that_cannot_be_scored_ends_the_rescore,
            definitions_in_use_are_those_that_count;
        forges:
            a_command_is_heard_once,
            a_command_is_begun_and_ended_once,
            an_issue_is_forgotten_with_its_number_only,
            a_delivery_waits_for_its_forge,
            old_deliveries_are_forgotten;
        outbox:
            the_newest_wish_wins,
            a_wish_renewed_while_it_was_sent_stays_due,
            a_failed_wish_waits_and_a_new_one_does_not,
            a_wish_that_was_sent_for_now_comes_again_once,
            wishes_go_in_order,
            news_do_not_delay_what_waits,
            the_ledger_is_appended_to,
            lanes_do_not_mix,
            a_pace_is_kept,
            what_cannot_be_shown_is_given_up_until_it_is_news,
            what_is_told_once_is_told_once,
            what_waits_for_one_reason_is_woken;
        images:
            a_team_has_one_owner_of_its_images,
            a_tag_enters_its_image_once,
            a_tag_that_moves_is_another_submission,
            one_image_for_two_tasks_is_two_submissions,
            the_same_image_packed_anew_is_recognised;
        durability:
            everything_is_there_after_reopening,
            another_schema_is_refused,
            opening_at_the_same_time_migrates_once,
            a_database_has_one_daemon,
            what_was_acknowledged_survives_a_kill,
            what_was_half_done_is_found_after_a_kill;
    }
}
