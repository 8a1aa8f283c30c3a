//! What is sold, with its titles in four languages, all of the simulator's own making.
//!
//! Product ids begin as the vendor's do: `CFQ7` seats, `DG7G` software, `DZH3` everything of Azure and the marketplace.

use super::meters::LOCALES;
use crate::random::{Seed, turn};

/// Families of seats: the first of all.
pub(crate) const SEATS: u64 = 8;
/// SKUs of every seat product.
const SEAT_SKUS: [&str; 3] = ["0001", "0002", "000T"];

type Texts = [&'static str; 4];

/// A kind of product.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) title: Texts,
    prefix: &'static str,
    /// Label and index its id is made from.
    code: (&'static str, u64),
    pub(crate) product_type: &'static str,
    pub(crate) sub_type: &'static str,
    /// The view of the catalogue that lists it.
    pub(crate) view: &'static str,
    pub(crate) publisher: &'static str,
    pub(crate) skus: &'static [&'static str],
}

impl Family {
    pub(crate) fn is_microsoft(&self) -> bool {
        self.publisher == OWN
    }

    pub(crate) fn product(&self, seed: Seed) -> String {
        format!("{}{}", self.prefix, seed.code(self.code.0, self.code.1, 8))
    }
}

const OWN: &str = "Simulated Corporation";

const fn seats(title: Texts, index: u64) -> Family {
    Family {
        title,
        prefix: "CFQ7",
        code: ("product", index),
        product_type: "OnlineServicesNCE",
        sub_type: "",
        view: "OnlineServices",
        publisher: OWN,
        skus: &SEAT_SKUS,
    }
}

const fn azure(
    title: Texts,
    code: (&'static str, u64),
    sub_type: &'static str,
    view: &'static str,
) -> Family {
    Family {
        title,
        prefix: "DZH3",
        code,
        product_type: "Azure",
        sub_type,
        view,
        publisher: OWN,
        skus: &["0001", "000B"],
    }
}

const fn software(title: Texts, index: u64) -> Family {
    Family {
        title,
        prefix: "DG7G",
        code: ("software", index),
        product_type: "Software",
        sub_type: "",
        view: "Software",
        publisher: OWN,
        skus: &["0003"],
    }
}

const fn foreign(title: Texts, code: (&'static str, u64), publisher: &'static str) -> Family {
    Family {
        title,
        prefix: "DZH3",
        code,
        product_type: "Marketplace",
        sub_type: "SaaS",
        view: "MarketplaceSaaS",
        publisher,
        skus: &["0001", "000B"],
    }
}

/// Everything sold.
pub(crate) const FAMILIES: [Family; 18] = [
    seats(
        [
            "Workplace Suite Basic",
            "Werkplekpakket Basis",
            "Arbeitsplatzpaket Basis",
            "Suite bureautique Essentiel",
        ],
        0,
    ),
    seats(
        [
            "Workplace Suite Standard",
            "Werkplekpakket Standaard",
            "Arbeitsplatzpaket Standard",
            "Suite bureautique Standard",
        ],
        1,
    ),
    seats(
        [
            "Workplace Suite Premium",
            "Werkplekpakket Premium",
            "Arbeitsplatzpaket Premium",
            "Suite bureautique Premium",
        ],
        2,
    ),
    seats(
        [
            "Mail Archive Plan 1",
            "Mailarchief, abonnement 1",
            "E-Mail-Archiv, Plan 1",
            "Archive de messagerie, plan 1",
        ],
        3,
    ),
    seats(
        [
            "Device Care Plan 2",
            "Apparaatbeheer, abonnement 2",
            "Gerätepflege, Plan 2",
            "Gestion des appareils, plan 2",
        ],
        4,
    ),
    seats(
        [
            "Project Board Professional",
            "Projectbord Professioneel",
            "Projekttafel Professional",
            "Tableau de projet Professionnel",
        ],
        5,
    ),
    seats(["Identity Guard P1"; 4], 6),
    seats(["Report Studio Pro", "Rapportstudio Pro", "Berichtsstudio Pro", "Studio de rapports Pro"], 7),
    azure(
        [
            "Reserved compute, Kestrel",
            "Gereserveerde rekenkracht, Kestrel",
            "Reservierte Rechenleistung, Kestrel",
            "Calcul réservé, Kestrel",
        ],
        ("reservation", 0),
        "VirtualMachines",
        "AzureReservations",
    ),
    azure(
        [
            "Savings plan for compute",
            "Besparingsplan voor rekenkracht",
            "Sparplan für Rechenleistung",
            "Plan d’économies pour le calcul",
        ],
        ("savings plan", 0),
        "SavingsPlan",
        "Azure",
    ),
    foreign(
        ["Ledger Lens", "Ledger Lens", "Ledger Lens", "Ledger Lens"],
        ("saas", 0),
        "Example Analytics B.V.",
    ),
    software(
        [
            "Database Server Standard, subscription",
            "Databaseserver Standaard, abonnement",
            "Datenbankserver Standard, Abonnement",
            "Serveur de bases de données Standard, abonnement",
        ],
        0,
    ),
    software(
        [
            "Server OS 2026, perpetual",
            "Serverbesturingssysteem 2026, eeuwigdurend",
            "Serverbetriebssystem 2026, unbefristet",
            "Système d’exploitation serveur 2026, perpétuel",
        ],
        1,
    ),
    azure(
        ["Onboarding assistance", "Hulp bij ingebruikname", "Einführungshilfe", "Aide à la mise en service"],
        ("fee", 0),
        "",
        "Azure",
    ),
    azure(
        ["Simulated Azure plan", "Gesimuleerd Azure-plan", "Simulierter Azure-Plan", "Plan Azure simulé"],
        ("plan", 0),
        "",
        "Azure",
    ),
    azure(
        ["Simulated Azure plan", "Gesimuleerd Azure-plan", "Simulierter Azure-Plan", "Plan Azure simulé"],
        ("rated product", 0),
        "",
        "Azure",
    ),
    foreign(["Example Firewall"; 4], ("rated product", 1), "Example Publisher"),
    foreign(["Example Backup"; 4], ("rated product", 2), "Example Publisher"),
];

/// Positions in [`FAMILIES`] of what is not seats.
pub(crate) const RESERVATION: u64 = 8;
pub(crate) const SAVINGS_PLAN: u64 = 9;
pub(crate) const MARKETPLACE: u64 = 10;
pub(crate) const SOFTWARE_SUBSCRIPTION: u64 = 11;
pub(crate) const PERPETUAL_SOFTWARE: u64 = 12;
pub(crate) const FEE: u64 = 13;
/// Azure's own usage, the marketplace meter, what has no meter.
pub(crate) const RATED: u64 = 15;

/// One product and SKU, with the availability it was bought by.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) family: u64,
    pub(crate) product: String,
    pub(crate) sku: &'static str,
    pub(crate) availability: String,
}

impl Offer {
    /// Seats of the `index`-th seat subscription.
    pub(crate) fn seats(seed: Seed, family: u64, sku: &'static str, index: u64) -> Self {
        let availability = format!("CFQ7{}", seed.code("availability", index, 8));
        Self { availability, ..Self::of(seed, family, sku) }
    }

    pub(crate) fn of(seed: Seed, family: u64, sku: &'static str) -> Self {
        let product = FAMILIES.get(family as usize).map(|f| f.product(seed)).unwrap_or_default();
        let prefix = product.get(..4).unwrap_or("");
        let availability = format!("{prefix}{}", seed.code("offer availability", family, 8));
        Self { family, product, sku, availability }
    }

    /// `product:sku`, lower-case: what the ledger calls it.
    pub(crate) fn key(&self) -> String {
        format!("{}:{}", self.product, self.sku).to_lowercase()
    }

    /// `product:sku:availability`, as subscriptions name it.
    pub(crate) fn id(&self) -> String {
        format!("{}:{}:{}", self.product, self.sku, self.availability)
    }

    pub(crate) fn family(&self) -> &'static Family {
        FAMILIES.get(self.family as usize).unwrap_or(&FAMILIES[0])
    }

    pub(crate) fn name(&self) -> &'static str {
        turn(&self.family().title, 0)
    }
}

/// The title of a SKU in the language; English where it was never translated.
pub(crate) fn sku_title(family: &Family, sku: &str, locale: usize) -> String {
    let untranslated = sku == "000T" || (sku == "0002" && family.code.1 % 4 == 3);
    let locale = if untranslated { 0 } else { locale.min(LOCALES.len() - 1) };
    let addition: Texts = match sku {
        "0002" => [", yearly", ", jaarlijks", ", jährlich", ", annuel"],
        "000T" => [", trial", ", proefversie", ", Testversion", ", essai"],
        _ => [""; 4],
    };
    format!("{}{}", turn(&family.title, locale as u64), turn(&addition, locale as u64))
}
