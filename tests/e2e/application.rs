//! Two credentials: the person who consented leaves, and what the application itself may read goes on.

use jiff::civil::date;
use purser_pipeline::report::Report;
use purser_simulator::{Config, Faults};
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, UnmappedCustomers};
use purser_store::runs::RunState;

use crate::year::house::House;

fn config() -> Config {
    Config { customers: 2, records: 6, rated_records: 6, ..Config::default() }
}

async fn house(uses_application: bool) -> House {
    let house = House::open(config(), "2026-11-09T12:00:00Z".parse().unwrap()).await;
    house
        .set(|settings| {
            settings.host.feeds = ["customers", "licences", "rated-usage"].map(str::to_owned).into();
            settings.host.uses_application = uses_application;
            settings.host.unmapped_customers = UnmappedCustomers::VendorId;
            settings.plugin = serde_json::json!({ "currencies": ["EUR"], "last_period": false });
        })
        .await;
    house
}

fn records(report: &Report, feed: &str) -> u64 {
    report.feeds.iter().find(|row| row.name == feed).map_or(0, |row| row.records)
}

fn gone() -> Faults {
    Faults { user_disabled: true, ..Faults::default() }
}

#[tokio::test]
async fn usage_goes_on_when_the_person_leaves_and_nothing_of_the_rest_is_voided() {
    let house = house(true).await;
    let (state, before) = house.daily_run(date(2026, 11, 10)).await;
    assert_eq!(state, RunState::Succeeded, "{:?}", before.notes);
    house.simulator.set_faults(gone());
    for day in [11, 12] {
        let (state, report) = house.daily_run(date(2026, 11, day)).await;
        assert_eq!(state, RunState::Partial, "{:?}", report.notes);
        assert!(records(&report, "rated-usage") > records(&before, "rated-usage"), "usage of {day} came");
        assert_eq!((report.voided, report.voids_held), (0, 0));
        assert!(report.notes.iter().any(|note| note.subject.starts_with("customers")), "{:?}", report.notes);
    }
    let account = house.store.account(house.account).await.unwrap();
    assert!(matches!(account.state, ConsentState::NeedsConsent(_)), "a person is asked for all the same");
    house.simulator.set_faults(Faults::default());
    let (state, report) = house.daily_run(date(2026, 11, 13)).await;
    assert_eq!(state, RunState::Warnings, "the missed pictures of licences are told: {:?}", report.notes);
    assert_eq!(records(&report, "licences"), records(&before, "licences"));
    let account = house.store.account(house.account).await.unwrap();
    assert_eq!(account.state, ConsentState::Active);
}

#[tokio::test]
async fn without_the_setting_the_account_waits_for_a_person() {
    let house = house(false).await;
    house.daily_run(date(2026, 11, 10)).await;
    house.simulator.set_faults(gone());
    let (state, _) = house.daily_run(date(2026, 11, 11)).await;
    assert_eq!(state, RunState::Failed);
    assert!(!house.is_due(date(2026, 11, 12)).await);
}

#[tokio::test]
async fn an_application_without_the_permission_leaves_it_to_the_person() {
    let house = house(true).await;
    house.simulator.set_faults(Faults { app_permission_missing: true, ..Faults::default() });
    let (state, report) = house.daily_run(date(2026, 11, 10)).await;
    assert_eq!(state, RunState::Succeeded, "{:?}", report.notes);
    assert!(records(&report, "rated-usage") > 0);
}
