//! The contract tests: what every store guarantees, as functions a store's tests call through
//! [`contract_tests`](crate::contract_tests) with an empty store each.
//!
//! They know the traits only. A store that passes them keeps what Purser promises about money, whatever lies beneath.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test suite: a failure is a panic")]
#![expect(missing_docs, reason = "the claims are the names")]

mod access;
mod accounts;
mod books;
mod hand_overs;
mod keys;
mod ledger;
mod notices;
mod pages;
mod people;
mod plugins;
mod pricing;
mod reconciliation;
mod runs;
mod sent;
mod standing;
mod states;
mod texts;
mod world;

pub use access::*;
pub use accounts::*;
pub use books::*;
pub use hand_overs::*;
pub use keys::*;
pub use ledger::*;
pub use notices::*;
pub use pages::*;
pub use people::*;
pub use plugins::*;
pub use pricing::*;
pub use reconciliation::*;
pub use runs::*;
pub use sent::*;
pub use standing::*;
pub use states::*;
pub use texts::*;
#[cfg(test)]
pub(crate) use world::usage;

/// Makes a test of each claim of the contract. `$open` is an async function that gives an empty store, and whatever must
/// live as long as it does.
#[macro_export]
macro_rules! contract_tests {
    ($open:path) => {
        $crate::contract_tests! { @each $open:
            an_account_is_connected_once, a_consent_state_is_kept_with_its_reason, settings_are_saved_on_the_newest_revision_only,
            a_grant_is_written_over_the_expected_version_only, a_flow_is_taken_once, an_expired_flow_is_gone,
            probes_are_replaced_as_a_table,
            a_plugin_version_is_installed_once, a_role_changes_hands_only_from_what_was_seen,
            only_what_is_installed_and_not_barred_plays_a_role, every_change_of_a_role_stays_in_its_history,
            a_version_in_use_is_not_removed, what_speaks_for_a_version_is_added_to_and_outlives_it,
            a_known_key_keeps_its_first_check_value, a_grant_is_wrapped_anew_over_its_former_text_only,
            a_key_is_retired_when_nothing_is_sealed_by_it, nothing_is_sealed_by_a_retired_key,
            a_link_is_good_while_it_is_open_and_in_time, a_grant_handed_over_is_kept_aside_until_it_is_accepted,
            a_hand_over_is_answered_and_settled_once, what_ends_unaccepted_leaves_neither_grant_nor_account,
            an_account_with_anything_of_its_own_outlives_its_hand_over, a_hand_over_ends_when_its_time_is_over,
            a_grant_kept_aside_counts_for_its_key, a_hand_over_for_a_renewal_needs_the_grant_that_was_seen,
            a_user_is_unique_without_case, a_setup_token_makes_one_administrator, an_expired_setup_token_makes_nobody,
            a_wrong_setup_token_leaves_the_right_one, a_session_lives_until_it_expires, the_audit_trail_tells_the_newest_first,
            every_change_to_a_person_starts_a_generation, the_last_administrator_stays_one,
            what_ends_a_persons_access_ends_their_tokens, a_password_link_is_good_once_and_for_a_time,
            an_outsider_is_known_by_issuer_and_subject_alone, a_token_is_good_until_it_expires_or_is_revoked,
            the_audit_trail_is_filtered_paged_and_says_where_from,
            an_occurrence_is_ordered_once, an_account_has_one_run_at_work, an_expired_lease_is_taken_over,
            ended_leases_are_taken_over_at_once,
            a_renewed_lease_is_not_taken_over, a_stale_fence_changes_nothing, a_cancelled_run_is_told_so,
            a_feed_batch_starts_once, requests_wait_in_the_order_of_discovery, patience_puts_a_request_back,
            a_request_ends_once, an_ended_request_is_kept_as_it_is_told, a_resumed_run_keeps_what_was_completed, a_page_is_kept_once_and_read_back,
            pages_of_a_run_are_read_back_in_order_and_by_parts,
            facts_are_paged_by_kind_and_key, the_newest_value_of_a_fact_counts, a_partition_is_ready_when_nothing_is_left,
            a_marked_partition_is_never_ready, a_repeated_page_fails_its_partition, an_unfinished_partition_is_told,
            what_a_run_sent_is_told_in_order_and_of_that_run_only, a_request_is_noted_with_its_answer_or_not_at_all, of_a_long_run_the_first_and_the_last_requests_are_kept,
            what_is_staged_is_invisible_until_committed, each_reference_is_one_purchase, equal_references_are_summed,
            committing_again_in_the_run_changes_nothing, a_later_run_with_the_same_records_changes_nothing,
            a_change_keeps_the_former_state, a_small_loss_is_voided, a_great_loss_waits_for_an_operator,
            an_empty_answer_voids_nothing, what_comes_back_is_no_longer_held, another_partition_is_left_alone,
            two_partitions_add_up_in_one_purchase, a_higher_stage_withdraws_the_lower, a_lower_stage_is_refused,
            conserv_records_spread_over_pages_in_any_way_change_nothing,
            an_older_run_is_refused, what_does_not_add_up_is_not_committed, an_incomplete_partition_is_not_committed,
            an_abandoned_partition_leaves_nothing_staged, restate_an_unchanged_state_is_not_asked_for_again,
            restate_a_state_is_asked_for_again_when_anything_else_differs, a_state_counts_only_once_it_was_committed,
            a_withdrawn_stage_has_no_state_any_more, a_partition_of_several_states_is_asked_for_again, rollups_equal_a_recount, lists_are_filtered_and_paged,
            another_account_sees_nothing,
            tiers_price_a_cycle_over_its_days, the_same_usage_again_keeps_its_tier_price,
            late_usage_prices_the_tier_cycle_again, a_changed_quantity_keeps_its_money_until_tiers_are_priced,
            tier_prices_that_a_killed_run_left_are_made_by_the_next, usage_without_rates_is_priced_when_tiers_come,
            a_later_rate_card_does_not_move_a_tier_cycle, tier_prices_do_not_look_like_a_loss,
            reported_days_that_repeat_each_other_are_told,
            what_stands_is_the_last_commit_with_its_pages, a_withdrawn_stage_does_not_stand,
            references_that_stand_are_listed_by_parts,
            a_partition_tells_whether_it_reaches_into_open_months, a_tier_cycle_tells_what_it_has_used_and_its_rates,
            restate_after_close_is_a_correction_until_its_month_closes_too,
            restate_the_same_after_close_changes_nothing, what_vanishes_after_close_is_taken_back_by_a_correction,
            late_usage_of_a_closed_month_is_booked_in_the_open_one,
            months_close_once_in_order_and_when_they_are_over, another_account_s_months_stay_open,
            a_customer_mapped_late_gets_its_past_purchases,
            a_customer_mapped_after_close_is_booked_in_the_open_month,
            a_customer_mapped_anew_after_close_moves_by_a_minus_and_a_plus, a_mapping_is_valid_from_its_day,
            an_ignored_customer_is_told_with_its_reason, the_setting_about_unmapped_customers_stamps_them_anew,
            a_held_void_is_taken_when_an_operator_says_so,
            a_held_void_that_is_kept_stays_until_the_vendor_is_read_again,
            a_held_void_of_a_closed_month_is_taken_by_a_correction, a_held_void_of_another_account_is_not_decided,
            our_own_customers_are_replaced_as_a_list, rejected_records_that_stand_are_told_by_reason,
            reconcil_a_line_stands_beside_the_purchases_that_bill_it,
            reconcil_billed_lines_withdraw_the_unbilled,
            reconcil_an_answer_without_a_line_takes_none_away,
            reconcil_what_is_billed_to_nobody_is_told_apart,
            reconcil_a_row_leads_to_its_lines_and_purchases_and_to_no_others,
            a_subject_has_one_open_notice, a_reminder_has_new_words_and_takes_the_acknowledgement_back,
            a_notice_that_ended_is_told_apart_and_changes_no_more, a_notice_of_another_account_is_not_acknowledged,
            own_words_are_kept_with_their_history, products_without_a_text_are_told_by_language,
            texts_are_replaced_with_their_partition, coverage_counts_the_products_that_purchases_name,
        }
    };
    (@each $open:path: $($claim:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $claim() {
                let (store, _guard) = $open().await;
                $crate::contract::$claim(&store).await;
            }
        )*
    };
}
