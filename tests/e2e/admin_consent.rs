//! Consent for a whole tenant: the link to hand on to whoever may give it, and what comes back, which brings nothing in.

use purser_simulator::Faults;
use purser_store::accounts::ConsentState;

use crate::journey::Journey;
use crate::token_errors::{refusing, refusing_all};
use crate::visitor::{Seen, Visitor};

const TITLE: &str = "Link for your administrator";

impl Journey {
    /// The tenant's administrator opens the link in a browser that was never here; the page they end on.
    fn administrator(&self, page: &Seen, answer: &str) -> Seen {
        let (runtime, mut visitor) = (&self.world.runtime, Visitor::new().unwrap());
        let asked = runtime.block_on(visitor.open(&page.address("/adminconsent").unwrap())).unwrap();
        assert!(asked.body.contains("Permissions requested"), "{}", asked.body);
        let form = asked.form_with("answer").unwrap().pressing("answer", answer);
        runtime.block_on(visitor.send(form)).unwrap()
    }
}

#[test]
fn a_refusal_that_an_administrator_mends_shows_the_link_and_following_it_works() {
    for number in [90_094, 90_095, 65_001] {
        let mut journey = Journey::begin(refusing("invalid_grant", number));
        let callback = journey.callback_as("service");
        let page = journey.follow(&callback);
        assert!(page.body.contains(TITLE) && page.body.contains("What to do"), "{number}: {}", page.body);
        let link = page.address("/adminconsent").unwrap();
        let value = |name: &str| link.query_pairs().find(|(it, _)| it == name).map(|(_, it)| it.into_owned());
        assert!(link.path().ends_with("/organizations/v2.0/adminconsent"), "{link}");
        assert!(value("scope").unwrap().contains("user_impersonation"), "{link}");
        assert!(value("redirect_uri").unwrap().ends_with("/consent/callback/global"), "{link}");

        let declined = journey.administrator(&page, "cancel");
        assert!(declined.body.contains("reports that it was not given"), "{}", declined.body);
        let given = journey.administrator(&page, "accept");
        assert!(given.body.contains("reports that the consent was given"), "{}", given.body);
        for told in [&declined, &given] {
            let address = told.url.as_str();
            assert!(told.status == 200 && told.url.query().is_none(), "nothing it brought stays: {address}");
        }
        assert_eq!(journey.state(), None, "nothing was stored");
        journey.connect_as("service");
        assert_eq!(journey.state(), Some(ConsentState::Active), "{number}");
    }
}

#[test]
fn an_account_whose_grant_is_refused_so_shows_the_link_of_its_tenant() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    for (number, is_shown) in [(90_094, true), (65_001, true), (50_057, false)] {
        journey.world.simulator.set_faults(Faults::default());
        journey.connect_as("service");
        journey.world.simulator.set_faults(refusing_all("invalid_grant", number));
        let table = journey.open("/connectors/microsoft-csp/accounts/1/preflight");
        journey.press(&table, "/preflight");
        assert!(matches!(journey.state(), Some(ConsentState::NeedsConsent(_))), "{number}");
        let settings = journey.open("/connectors/microsoft-csp/settings");
        assert_eq!(settings.body.contains(TITLE), is_shown, "{number}");
        if is_shown {
            let link = settings.address("/adminconsent").unwrap();
            assert!(link.path().contains(journey.world.simulator.tenant()), "{link}");
        }
    }
}
