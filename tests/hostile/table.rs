//! The attacks: each with the code it ends with, how that is seen, and what harm it does without its limit or guard.

use libtest_mimic::Trial;

use crate::{calls, columns, guests, lies, outside, sizes, trial};

/// One attack.
pub struct Row {
    /// What the plugin does, as in [`ATTACKS`].
    pub attack: &'static str,
    /// In which way, where there are several.
    pub way: &'static str,
    /// The code it ends with; empty where there is nothing to stop, since it gains nothing.
    pub code: &'static str,
    /// Shows, given the code, that it is contained.
    pub guarded: fn(&'static str),
    /// Shows the harm it does without.
    pub control: fn(),
}

/// What a plugin may try; each must have a row.
const ATTACKS: &[&str] = &[
    "loop",
    "allocate without end",
    "overflow the stack",
    "trap",
    "return gigantic columns",
    "return malformed columns",
    "log without end",
    "ask for unlisted calls",
    "ask for an order",
    "ask for a cancellation",
    "ask for a foreign host",
    "ask for a look-alike host",
    "smuggle data in a URL",
    "ask without end",
    "read the clock",
    "read randomness",
    "read the environment",
    "read files",
    "use the network",
    "lie about records",
    "emit numbers of a million digits",
    "duplicate references",
    "emit gigantic strings",
    "emit too much of everything",
];

const fn row(
    attack: &'static str,
    way: &'static str,
    code: &'static str,
    guarded: fn(&'static str),
    control: fn(),
) -> Row {
    Row { attack, way, code, guarded, control }
}

/// All there are.
pub const TABLE: &[Row] = &[
    row("loop", "", "PLG-202", guests::loops, guests::loops_on),
    row("allocate without end", "", "PLG-203", guests::grows, guests::grows_on),
    row("overflow the stack", "", "PLG-201", guests::recurses, guests::kills_the_process::<'r'>),
    row("trap", "on some records", "PLG-201", guests::traps, guests::loses_the_page),
    row("trap", "on every record", "PLG-225", guests::traps_always, guests::sets_all_aside),
    row("trap", "in the host's own process", "PLG-201", guests::traps, guests::kills_the_process::<'t'>),
    row("return gigantic columns", "", "PLG-204", guests::floods, guests::floods_the_host),
    row(
        "return malformed columns",
        "too many counts",
        "PLG-205",
        columns::wrong_counts,
        columns::loses_a_record,
    ),
    row("return malformed columns", "a string too few", "PLG-205", columns::shifted, columns::shifts_fields),
    row("return malformed columns", "bad UTF-8", "PLG-205", columns::not_utf8, columns::merges_references),
    row("return malformed columns", "overlapping", "PLG-205", columns::twice, columns::charges_twice),
    row(
        "return malformed columns",
        "out of range",
        "PLG-205",
        columns::far_ordinal,
        columns::has_no_evidence,
    ),
    row("log without end", "", "PLG-228", guests::chatters, guests::chatters_on),
    row("ask for unlisted calls", "", "VND-NOT-GRANTED", calls::unlisted, calls::unlisted_arrives),
    row(
        "ask for unlisted calls",
        "a POST made of a GET",
        "VND-NOT-GRANTED",
        calls::with_body,
        calls::body_arrives,
    ),
    row("ask for an order", "", "VND-NOT-GRANTED", calls::order, calls::order_arrives),
    row("ask for a cancellation", "", "VND-NOT-GRANTED", calls::cancellation, calls::cancellation_arrives),
    row("ask for a foreign host", "", "VND-HOST-REFUSED", calls::foreign, calls::foreign_is_reached),
    row("ask for a look-alike host", "", "VND-HOST-REFUSED", calls::look_alike, calls::look_alike_is_reached),
    row("smuggle data in a URL", "", "RUN-EGRESS", calls::smuggled, calls::smuggled_arrives),
    row("ask without end", "in one step", "PLG-221", calls::crowd, calls::crowd_passes),
    row("ask without end", "step by step", "RUN-ENDLESS", calls::endless, calls::endless_goes_on),
    row("read the clock", "", "", outside::clock, outside::clock_is_seen),
    row("read randomness", "", "", outside::random, outside::random_is_seen),
    row("read the environment", "", "", outside::environment, outside::environment_is_seen),
    row("read files", "", "", outside::files, outside::files_are_seen),
    row("use the network", "", "", outside::network, outside::network_is_used),
    row("lie about records", "drop one", "PLG-205", columns::missing, columns::drops_a_record),
    row("lie about records", "double one", "PLG-205", columns::twice, columns::charges_twice),
    row("lie about records", "invent one", "PLG-205", columns::invented, columns::charges_for_nothing),
    row("lie about records", "a wrong amount", "RUN-CONSERVATION", lies::wrong_amount, lies::charges_wrong),
    row("emit numbers of a million digits", "", "PLG-227", sizes::digits, sizes::digits_are_kept),
    row(
        "emit numbers of a million digits",
        "by an exponent",
        "PLG-227",
        sizes::exponent,
        sizes::exponent_unfolds,
    ),
    row("duplicate references", "in a page", "", lies::duplicates, lies::last_one_wins),
    row(
        "duplicate references",
        "by the same page again",
        "RUN-REPEATED-PAGE",
        lies::repeats,
        lies::charges_a_page_twice,
    ),
    row("emit gigantic strings", "in a record", "PLG-226", sizes::text, sizes::text_is_kept),
    row("emit gigantic strings", "as a rule", "PLG-226", sizes::rule, sizes::rule_is_kept),
    row("emit gigantic strings", "in a request", "PLG-226", sizes::state, sizes::state_is_kept),
    row("emit gigantic strings", "as a reason", "", sizes::reason, sizes::reason_is_long),
    row("emit too much of everything", "facts", "PLG-222", sizes::facts, sizes::facts_are_kept),
    row("emit too much of everything", "texts", "PLG-223", sizes::texts, sizes::texts_are_kept),
    row("emit too much of everything", "records", "PLG-224", sizes::records, sizes::records_are_mapped),
];

/// Two tests a row, and one of the table itself.
pub fn trials() -> impl Iterator<Item = Trial> {
    let complete = trial("every_attack_of_the_list_has_a_row_and_every_row_an_attack", || {
        for attack in ATTACKS {
            assert!(TABLE.iter().any(|row| row.attack == *attack), "{attack}");
        }
        for row in TABLE {
            assert!(ATTACKS.contains(&row.attack), "{}", row.attack);
        }
    });
    let of_row = |row: &'static Row| {
        let name = [row.attack, row.way].join(" ").trim_end().replace([' ', '-'], "_");
        let guarded = trial(format!("{name}::is_contained"), || (row.guarded)(row.code));
        [guarded, trial(format!("{name}::does_harm_without"), || (row.control)())]
    };
    TABLE.iter().flat_map(of_row).chain([complete])
}
