//! Meters and their texts in four languages, all of the simulator's own making.
//!
//! 12 families in 4 regions give 48 meters. Some are not translated, some are missing from a translated rate card, the
//! last four are in no rate card at all: that is how the vendor's own lists look.

use crate::amount::Amount;
use crate::random::{Seed, mix, turn};

/// Languages the rate cards come in, the default first.
pub(crate) const LOCALES: [&str; 4] = ["en-US", "nl-NL", "de-DE", "fr-FR"];
/// Meters there are.
pub(crate) const METERS: u64 = 48;
/// The first of the meters that no rate card has.
const FIRST_WITHOUT_RATE: u64 = 44;

type Texts = [&'static str; 4];

struct Family {
    name: Texts,
    category: Texts,
    subcategory: Texts,
    unit: Texts,
    service: &'static str,
}

const HOURS: Texts = ["1 Hour", "1 uur", "1 Stunde", "1 heure"];
const GIGABYTES: Texts = ["1 GB/Month", "1 GB/maand", "1 GB/Monat", "1 Go/mois"];
const DAYS: Texts = ["1/Day", "1/dag", "1/Tag", "1/jour"];
const TEN_THOUSAND: Texts = ["10K", "10.000", "10.000", "10 000"];
const MACHINES: Texts = ["Virtual Machines", "Virtuele machines", "Virtual Machines", "Machines virtuelles"];
const STORAGE: Texts = ["Storage", "Opslag", "Speicher", "Stockage"];
const NETWORK: Texts = ["Networking", "Netwerk", "Netzwerk", "Réseau"];
const DATABASE: Texts = ["SQL Database", "SQL-database", "SQL-Datenbank", "Base de données SQL"];

const FAMILIES: [Family; 12] = [
    Family {
        name: ["Compute small", "Rekenkracht klein", "Rechenleistung klein", "Calcul, petit"],
        category: MACHINES,
        subcategory: ["Kestrel series", "Kestrel-reeks", "Kestrel-Serie", "Série Kestrel"],
        unit: HOURS,
        service: "Microsoft.Compute/virtualMachines",
    },
    Family {
        name: ["Compute medium", "Rekenkracht middel", "Rechenleistung mittel", "Calcul, moyen"],
        category: MACHINES,
        subcategory: ["Kestrel series", "Kestrel-reeks", "Kestrel-Serie – Linux ", "Série Kestrel"],
        unit: HOURS,
        service: "Microsoft.Compute/virtualMachines",
    },
    Family {
        name: [
            "Compute large, low priority",
            "Rekenkracht groot, lage prioriteit",
            "Rechenleistung groß, niedrige Priorität",
            "Calcul, grand, priorité basse",
        ],
        category: MACHINES,
        subcategory: ["Osprey series", "Osprey-reeks", "Osprey-Serie – Windows ", "Série Osprey"],
        unit: HOURS,
        service: "Microsoft.Compute/virtualMachines",
    },
    Family {
        name: [
            "Blob storage, locally redundant",
            "Blobopslag, lokaal redundant",
            "Blobspeicher, lokal redundant",
            "Stockage d’objets, redondance locale",
        ],
        category: STORAGE,
        subcategory: ["Hot tier", "Warme laag", "Heiße Ebene", "Niveau chaud"],
        unit: GIGABYTES,
        service: "Microsoft.Storage/storageAccounts",
    },
    Family {
        name: [
            "Archive storage, geo redundant",
            "Archiefopslag, geo-redundant",
            "Archivspeicher, georedundant",
            "Stockage d’archives, géoredondant",
        ],
        category: STORAGE,
        subcategory: ["Cold tier", "Koude laag", "Kalte Ebene", "Niveau froid"],
        unit: GIGABYTES,
        service: "Microsoft.Storage/storageAccounts",
    },
    Family {
        name: ["Write operations", "Schrijfbewerkingen", "Schreibvorgänge", "Opérations d’écriture"],
        category: STORAGE,
        subcategory: ["", "", "", ""],
        unit: TEN_THOUSAND,
        service: "Microsoft.Storage/storageAccounts",
    },
    Family {
        name: ["Managed disk 64", "Beheerde schijf 64", "Verwalteter Datenträger 64", "Disque géré 64"],
        category: STORAGE,
        subcategory: ["Standard disks", "Standaardschijven", "Standarddatenträger", "Disques standard"],
        unit: DAYS,
        service: "Microsoft.Compute/disks",
    },
    Family {
        name: ["Data transfer out", "Uitgaand verkeer", "Ausgehende Daten", "Transfert sortant"],
        category: NETWORK,
        subcategory: ["Single Standard", "Single Standard", "Single Standard", "Single Standard"],
        unit: ["1 GB", "1 GB", "1 GB", "1 Go"],
        service: "Microsoft.Network/publicIPAddresses",
    },
    Family {
        name: ["Public address", "Openbaar adres", "Öffentliche Adresse", "Adresse publique"],
        category: NETWORK,
        subcategory: ["Addresses", "Adressen", "Adressen", "Adresses"],
        unit: HOURS,
        service: "Microsoft.Network/publicIPAddresses",
    },
    Family {
        name: ["Database core", "Databasekern", "Datenbankkern", "Cœur de base de données"],
        category: DATABASE,
        subcategory: ["General use", "Algemeen gebruik", "Allgemeine Nutzung", "Usage général"],
        unit: HOURS,
        service: "Microsoft.Sql/servers",
    },
    Family {
        name: ["Database storage", "Databaseopslag", "Datenbankspeicher", "Stockage de base de données"],
        category: DATABASE,
        subcategory: ["General use", "Algemeen gebruik", "Allgemeine Nutzung", "Usage général"],
        unit: GIGABYTES,
        service: "Microsoft.Sql/servers",
    },
    Family {
        name: ["Log intake", "Logboekopname", "Protokollaufnahme", "Ingestion de journaux"],
        category: ["Monitoring", "Bewaking", "Überwachung", "Surveillance"],
        subcategory: ["Logs", "Logboeken", "Protokolle", "Journaux"],
        unit: ["1 GB", "1 GB", "1 GB", "1 Go"],
        service: "Microsoft.Insights/components",
    },
];

const REGIONS: [Texts; 4] = [
    ["EU West", "EU, west", "Europa, Westen", "Europe, Ouest"],
    ["EU North", "EU, noord", "Europa, Norden", "Europe, Nord"],
    ["US East", "VS, oost", "USA, Osten", "États-Unis, Est"],
    ["", "", "", ""],
];

/// Euro rates are dollar rates times a fixed factor, with all the digits that gives.
pub(crate) fn in_euro(rate: Amount) -> Amount {
    rate.times(Amount::new(871_540_392, 9))
}

/// One meter.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) index: u64,
    /// Lower-case GUID.
    pub(crate) id: String,
    /// Lower bound of each tier with its US dollar rate.
    pub(crate) rates: Vec<(&'static str, Amount)>,
    pub(crate) included: Amount,
}

/// A meter's words in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeterText {
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    pub(crate) subcategory: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) region: &'static str,
}

impl Meter {
    pub(crate) fn generate(seed: Seed, index: u64) -> Self {
        let word = seed.word("meter rate", index);
        let rate = Amount::new(i128::from(1 + mix(word, 1) % 900_000_000_000), 12);
        let mut rates = vec![("0", rate)];
        if index % 7 == 3 {
            rates.push(("51200", rate.times(Amount::new(96, 2))));
            rates.push(("512000.5", rate.times(Amount::new(92, 2))));
        }
        // Within reach of a month's usage.
        if index % 7 == 1 {
            rates.push(("20", rate.times(Amount::new(90, 2))));
            rates.push(("150.25", rate.times(Amount::new(75, 2))));
        }
        let included = if index % 11 == 5 { Amount::new(5, 1) } else { Amount::ZERO };
        Self { index, id: seed.guid("meter", index), rates, included }
    }

    /// Whether a rate card in this language has it.
    pub(crate) fn in_rate_card(&self, locale: usize) -> bool {
        self.index < FIRST_WITHOUT_RATE && (locale == 0 || self.index % 16 != 7)
    }

    /// Words in the language; English where it was never translated.
    pub(crate) fn text(&self, locale: usize) -> MeterText {
        let locale = if self.index % 9 == 4 { 0 } else { locale };
        let family = FAMILIES.get((self.index % 12) as usize);
        let region = REGIONS.get((self.index / 12 % 4) as usize);
        let word = |texts: Option<&Texts>| texts.map_or("", |t| turn(t, locale as u64));
        MeterText {
            name: word(family.map(|f| &f.name)),
            category: word(family.map(|f| &f.category)),
            subcategory: word(family.map(|f| &f.subcategory)),
            unit: word(family.map(|f| &f.unit)),
            region: word(region),
        }
    }

    /// `Microsoft.Compute/virtualMachines`: where its resources live.
    pub(crate) fn service(&self) -> &'static str {
        FAMILIES.get((self.index % 12) as usize).map_or("", |f| f.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_meters_have_their_own_words_in_each_language_and_some_fall_back() {
        let meters: Vec<_> = (0..METERS).map(|i| Meter::generate(Seed(1), i)).collect();
        assert_eq!(meters[0].text(1).name, "Rekenkracht klein");
        assert_eq!(meters[0].text(3).region, "Europe, Ouest");
        assert_eq!(meters[4].text(1).name, meters[4].text(0).name, "never translated");
        assert!(meters[7].in_rate_card(0) && !meters[7].in_rate_card(1), "missing in a translated card");
        assert!(!meters[44].in_rate_card(0), "in no card");
        assert_eq!(meters[3].rates.len(), 3);
    }
}
