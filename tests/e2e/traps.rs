//! The vendor's known oddities, each with the test that covers it. `reference/microsoft-data.md` numbers them: the rows of
//! its table 1.17 and the sixteen discrepancies of 4.10. The simulator has its own list of those in its data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What becomes of a trap.
enum Cover {
    /// These tests, by the names of their functions.
    By(&'static [&'static str]),
    /// Nothing on the wire could show it.
    None(&'static str),
}

use Cover::{By, None as Never};

/// A trap of the reference: where it is listed, what it is, which of the simulator's oddities show it, and its cover.
type Trap = (&'static str, &'static str, &'static [&'static str], Cover);

const WIRE: &[Trap] = &[
    (
        "1.17 number or string",
        "amounts and quantities come as either, with exponents too",
        &["number-or-string", "number-with-exponent"],
        By(&[
            "numbers_keep_every_digit_whether_number_or_string",
            "decimals_are_recognised_in_every_notation_vendors_use",
            "conservation_counts_numbers_and_strings_to_the_last_digit",
            "another_spelling_of_the_same_record_is_the_same_purchase",
        ]),
    ),
    (
        "1.17 dates",
        "with offset, without, with 0, 3 or 7 digits of a second, the years 1 and 9999, blanks",
        &[
            "date-offset",
            "date-seven-digits",
            "date-without-zone",
            "date-year-1",
            "date-year-9999",
            "date-with-blanks",
        ],
        By(&[
            "every_form_vendors_use_is_read_as_the_same_instant",
            "fractions_are_kept",
            "the_year_one_is_nothing_and_9999_is_without_end",
            "what_is_no_date_says_so",
        ]),
    ),
    (
        "1.17 embedded JSON strings",
        "kept as they are",
        &["embedded-json"],
        By(&["composites_are_compact_and_strings_are_unescaped", "a_rated_line_is_taken_as_given"]),
    ),
    (
        "1.17 booleans renamed",
        "isTaxIncluded and taxIncluded; ID and Id",
        &["member-renamed", "misspelt-member"],
        By(&[
            "a_rate_card_with_tax_in_its_rates_is_refused",
            "both_generations_of_names_read_alike",
            "members_are_found_by_any_spelling_in_any_order",
        ]),
    ),
    (
        "1.17 null, empty, missing",
        "mean the same",
        &["null-empty-missing"],
        By(&["null_empty_and_missing_are_alike_and_a_second_spelling_fills_in"]),
    ),
    (
        "1.17 enum case",
        "compared without case",
        &["enum-case", "guid-case"],
        By(&[
            "the_spelling_of_a_record_does_not_change_its_reference",
            "conserv_each_row_of_the_table_decides_its_case",
        ]),
    ),
    (
        "1.17 Retry-After",
        "seconds or a date",
        &["retry-after-date", "headers-doubled"],
        By(&[
            "retry_after_is_seconds_or_a_date",
            "seconds_dates_and_words_are_understood",
            "what_passes_by_itself_leaves_a_green_run",
        ]),
    ),
    (
        "1.17 body size",
        "streamed into pages, capped",
        &[],
        By(&[
            "lines_and_rows_are_the_same_however_the_body_arrives",
            "a_record_without_end_is_refused_before_it_fills_memory",
            "byte_caps_hold_on_the_wire_unpacked_and_collected",
        ]),
    ),
    (
        "1.17 BOM and NBSP in documents",
        "only in documentation",
        &[],
        Never("the reference says that real traffic has none; payloads of the documents are read repaired"),
    ),
];

const DISCREPANCIES: &[Trap] = &[
    (
        "4.10.1",
        "a window by report time has usage days outside of it",
        &["usage-outside-window", "late-usage-is-additional", "late-line"],
        By(&[
            "s30_is_36_purchases_of_one_meter_by_resource_and_day",
            "reconciliation_of_the_demo_agrees_to_the_last_digit_in_dutch",
        ]),
    ),
    (
        "4.10.2",
        "totalCount is the size of the page",
        &["total-count-is-page-size"],
        By(&["customers_are_paged_by_token_and_the_uri_is_never_replayed"]),
    ),
    (
        "4.10.3",
        "links.next has a broken query",
        &["links-next-broken"],
        By(&[
            "customers_are_paged_by_token_and_the_uri_is_never_replayed",
            "utilization_keeps_its_window_on_follow_pages_with_its_own_spelling_of_seek",
        ]),
    ),
    (
        "4.10.4",
        "a usage subscription has a quantity of seats",
        &["quantity-of-usage-subscription"],
        By(&["s03a_is_no_licence_and_its_dates_are_read", "conserv_each_row_of_the_table_decides_its_case"]),
    ),
    (
        "4.10.5",
        "line items name another subscription id for legacy",
        &[],
        By(&["legacy_invoices_bill_no_month_of_new_commerce"]),
    ),
    (
        "4.10.6",
        "effective unit price times quantity is not the total",
        &["effective-price-zero", "total-floored"],
        By(&[
            "s08a_and_s50_cost_what_they_say_although_their_effective_price_is_zero",
            "a_rated_line_is_taken_as_given",
        ]),
    ),
    ("4.10.7", "numbers are strings", &[], By(&["numbers_keep_every_digit_whether_number_or_string"])),
    (
        "4.10.8",
        "tags are a map, not an array",
        &["tags-as-map"],
        By(&[
            "usage_is_priced_by_the_host_per_subscription_and_meter",
            "s05_is_one_reference_with_two_records",
        ]),
    ),
    (
        "4.10.9",
        "completed and succeeded",
        &["completed-or-succeeded", "status-not-started"],
        By(&[
            "an_export_is_polled_as_long_as_the_vendor_says",
            "s73_to_s76_are_an_export_from_running_to_its_blobs",
        ]),
    ),
    (
        "4.10.10",
        "current and last, not previous",
        &["current-or-last"],
        By(&[
            "the_current_month_is_read_unbilled_for_each_currency_beside_the_list_of_invoices",
            "the_last_month_is_read_unbilled_until_its_invoice_is_out_whatever_the_day",
        ]),
    ),
    (
        "4.10.11",
        "refund options expire by two names",
        &[],
        Never("no amount and no day of a Purchase hangs on until when something could be given back"),
    ),
    (
        "4.10.12",
        "compressedJSON and compressedJSONLines",
        &["data-format-name", "several-blobs", "manifest-linked-or-inline"],
        By(&[
            "an_inline_manifest_leads_to_its_blobs_as_well",
            "a_manifest_that_does_not_add_up_is_incomplete",
            "s73_to_s76_are_an_export_from_running_to_its_blobs",
        ]),
    ),
    (
        "4.10.13",
        "the address of a document only by its id, for half an hour",
        &[],
        Never(
            "documents are for people: Purser reads an invoice's lines, and no call of the plugin fetches one",
        ),
    ),
    (
        "4.10.14",
        "the rate card's default market",
        &["default-market", "unsupported-locale"],
        By(&[
            "the_rate_card_is_asked_in_the_accounts_language_and_in_english",
            "texts_keep_the_language_they_came_in",
        ]),
    ),
    (
        "4.10.15",
        "a prefix before the customer's id",
        &["org-prefix"],
        By(&["ids_have_one_spelling", "the_spelling_of_a_record_does_not_change_its_reference"]),
    ),
    (
        "4.10.16",
        "the envelope of margins",
        &[],
        Never(
            "margins are what the partner adds; Purser reads what the vendor charges, so nothing asks for them",
        ),
    ),
];

/// The simulator's other oddities, which the reference tells elsewhere.
const OTHERS: &[Trap] = &[
    (
        "unknown members",
        "change nothing",
        &["unknown-member"],
        By(&["members_nobody_has_announced_change_nothing"]),
    ),
    (
        "not ready, no data",
        "never mean complete and empty",
        &["not-ready-204", "no-data"],
        By(&[
            "usage_that_is_not_ready_is_waited_for_and_then_incomplete_never_empty",
            "a_vendor_that_sends_nothing_where_there_was_something_changes_nothing",
        ]),
    ),
    (
        "licences that are not billed",
        "trials, dormant and ended subscriptions",
        &["billing-type-none", "status-not-billed", "trial"],
        By(&[
            "licences_count_seats_whether_number_or_text_and_each_subscription_is_a_fact",
            "s04c_is_expired_and_not_billed",
        ]),
    ),
    (
        "corrections of the vendor",
        "restated, vanished, doubled and negative records",
        &["restated", "vanished", "duplicate-records", "negative"],
        By(&[
            "reconciliation_of_the_demo_agrees_to_the_last_digit_in_dutch",
            "a_line_without_meter_has_product_and_sku_as_its_key_and_credits_keep_their_sign",
        ]),
    ),
    (
        "meters without a GUID, a number or a name",
        "the product's own key stands in",
        &["meter-not-a-guid", "meter-missing", "meter-not-in-rate-card"],
        By(&["a_line_without_meter_has_product_and_sku_as_its_key_and_credits_keep_their_sign"]),
    ),
    (
        "rate cards",
        "texts that are not translated, tiers out of order, terms beside the meters",
        &["not-translated", "tiers", "offer-terms"],
        By(&[
            "texts_keep_the_language_they_came_in",
            "tiers_ascend_by_value_and_keep_their_digits",
            "s06_is_3_texts_and_the_offer_terms",
        ]),
    ),
];

fn all() -> impl Iterator<Item = &'static Trap> {
    WIRE.iter().chain(DISCREPANCIES).chain(OTHERS)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every function that carries a test attribute, or is one of a table of samples.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "target" && !name.to_string_lossy().starts_with('.'))
            {
                functions(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let of_line = |line: &str| {
                let (_, rest) = line.trim_start().split_once("fn ")?;
                Some(rest.split(['(', '<']).next()?.trim().to_owned())
            };
            names.extend(text.lines().filter_map(of_line));
        }
    }
}

/// Every function of the house, by name.
pub fn all_functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["host", "plugins", "tests"] {
        functions(&root().join(folder), &mut names);
    }
    names
}

#[test]
fn every_trap_is_covered_by_a_test_that_is_there() {
    let names = all_functions();
    for (id, what, _, cover) in all() {
        match cover {
            By(tests) => {
                assert!(!tests.is_empty(), "{id} {what}: no test");
                for test in *tests {
                    assert!(names.contains(*test), "{id} {what}: there is no test {test}");
                }
            }
            Never(why) => assert!(why.len() > 20, "{id}"),
        }
    }
}

#[test]
fn every_row_of_the_reference_has_its_place() {
    assert_eq!(WIRE.len(), 9, "1.17 has nine rows");
    let numbers: Vec<String> = (1..=16).map(|number| format!("4.10.{number}")).collect();
    let listed: Vec<&str> = DISCREPANCIES.iter().map(|(id, ..)| *id).collect();
    assert_eq!(listed, numbers);
}

#[test]
fn every_oddity_of_the_simulator_is_listed_and_no_other() {
    let listed: BTreeSet<&str> = all().flat_map(|(_, _, shown, _)| shown.iter().copied()).collect();
    let simulated: BTreeSet<&str> = purser_simulator::TRAPS.iter().map(|(id, _)| *id).collect();
    let missing: Vec<_> = simulated.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(&simulated).collect();
    assert_eq!((missing, invented), (vec![], vec![]));
}
