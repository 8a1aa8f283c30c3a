//! What to do about each code a run can report: one table, so that no message is without a remedy.

/// The remedy of a code.
#[must_use]
pub fn of(code: &str) -> &'static str {
    match TABLE.iter().find(|(known, _)| *known == code) {
        Some((_, remedy)) => remedy,
        None if code.starts_with("LED-VOID-") => HELD,
        None => FALLBACK,
    }
}

/// Voids that wait, for whatever reason.
const HELD: &str = "Check at the vendor whether they are really gone. What was stored stands until a complete run shows \
                    them again, or an operator takes them out.";

const FALLBACK: &str = "Run again; if it stays, look at the run's log and report the code.";

const TABLE: &[(&str, &str)] = &[
    ("RUN-CONSENT", "Renew the consent of this account under Connector Settings, then run again."),
    (
        "RUN-SECRET",
        "Enter a new secret on the account's page (Connector Settings, Change secret), then run again. Check that it is for \
         this connector's address, and that it has not ended.",
    ),
    ("RUN-INCOMPLETE", "Nothing stored was changed for this part; the next run asks for it again."),
    (
        "RUN-NO-DATA",
        "Nothing to do at the beginning of a month: what is stored stands, and the next run asks again. Where there were \
         data before, look at the vendor's portal.",
    ),
    ("RUN-PATIENCE", "The vendor is busy. The next run asks again; run by hand later today if it is urgent."),
    (
        "RUN-REJECTED",
        "The vendor refused the request. The next run asks again; if it stays, report the code with the run's log.",
    ),
    (
        "RUN-NO-PAGE",
        "The vendor sent something that is not what the feed promises. Run again; if it stays, a newer plugin may be needed.",
    ),
    (
        "RUN-EGRESS",
        "The plugin tried to leave its allowed hosts and was stopped. Report this to the plugin's publisher.",
    ),
    (
        "RUN-ENDLESS",
        "What was asked for until then is stored. Report this to the plugin's publisher, or roll back to the version before.",
    ),
    ("RUN-FRONTIER", "The run's stored state is damaged. Start a new run; nothing committed is lost."),
    ("RUN-FEED", "The plugin is inconsistent. Report this to its publisher."),
    (
        "RUN-PAGE-GONE",
        "What stands stays as it is. A run that retrieves these days again brings the page anew.",
    ),
    ("RUN-STORE", "The database could not be written. Check free disk space, then run again."),
    (
        "RUN-CONSERVATION",
        "The plugin's result does not add up, so nothing was committed. Report this to the plugin's publisher.",
    ),
    ("RUN-REPEATED-PAGE", "The vendor sent the same page twice, so nothing was committed. Run again."),
    ("RUN-STALE", "A newer run has stored this part already; nothing to do."),
    (
        "RUN-ZERO",
        "There were records before and now there are none. Check at the vendor whether that can be right.",
    ),
    ("RUN-UNFINISHED", "The run ended before all of this part was retrieved. Run again."),
    (
        "RUN-LATE-REQUEST",
        "The plugin asked for more of a part that was complete. Report this to the plugin's publisher.",
    ),
    (
        "LED-TIER-NO-RATE",
        "Check the rate card's market and currency in the settings. They are priced by the first run that brings their \
         rates; a product the vendor has no rate for is never charged by it.",
    ),
    (
        "LED-RESTATING",
        "Compare one of these days with the vendor's portal. Reports of different days add up; if the vendor has sent the \
         same usage twice, report it with the run's log before you bill these days.",
    ),
    (
        "LED-DROP",
        "Check at the vendor whether so much has ended. If not, run again today: a second picture of a day replaces the first.",
    ),
    (
        "LED-GAP",
        "The vendor does not tell the past of this kind of data, so these days have no Purchases. Bill them by hand where \
         your contracts ask for it; the daily run keeps the next days.",
    ),
    (
        "LED-ALL-UNMAPPED",
        "Map the customers on the connector's Customers page: their Purchases are kept, and get their customer at once.",
    ),
    ("LED-CLOSED", "Nothing to do: differences from now on become corrections in the next open month."),
    ("RUN-PREFLIGHT", "Nothing to do: the run goes on, and what works shows in it. The next run asks again."),
    ("RUN-NOTHING", "Nothing was retrieved. See the other notes; run again when they are mended."),
    (
        "PLG-228",
        "Nothing was stopped. See the plugin's page for what was kept; an operator may keep more with `log-kib`.",
    ),
    ("RUN-PLUGIN", "The plugin version this run is pinned to is gone. Start a new run."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_remedy_of_its_own() {
        for (position, (code, remedy)) in TABLE.iter().enumerate() {
            assert!(TABLE[position + 1..].iter().all(|(other, _)| other != code), "{code} stands twice");
            assert!(remedy.ends_with('.') && remedy.len() > 20, "{code}");
        }
        assert_eq!(of("never heard of"), FALLBACK);
        assert_eq!(of("LED-VOID-EMPTY"), HELD);
    }
}
