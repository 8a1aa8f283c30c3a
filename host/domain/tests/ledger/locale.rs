//! Which language answers.

use purser_domain::locale::{Step, chain, choose};

#[test]
fn the_chain_answers_by_this_table() {
    let table: [(&str, &[&str], Step, Option<&str>); 9] = [
        ("nl-NL", &["en-US", "nl-BE", "nl", "nl-NL"], Step::Locale, Some("nl-NL")),
        ("nl-NL", &["en-US", "NL-nl"], Step::Locale, Some("NL-nl")),
        ("nl-NL", &["en-US", "nl-BE", "nl"], Step::Language, Some("nl")),
        ("nl-NL", &["nl-SR", "nl-BE", "en-US"], Step::Language, Some("nl-BE")),
        ("nl-NL", &["de-DE", "en-US"], Step::Default, Some("en-US")),
        ("en-GB", &["de-DE", "en-US"], Step::Language, Some("en-US")),
        ("en-US", &["en-US"], Step::Locale, Some("en-US")),
        ("nl-NL", &["de-DE", "en-GB"], Step::Vendor, None),
        ("nl-NL", &[], Step::Vendor, None),
    ];
    for (asked, known, step, locale) in table {
        let answer = choose(&asked.parse().unwrap(), "en-US", known.iter().map(|tag| (*tag, *tag)));
        assert_eq!((answer.step, answer.locale, answer.text), (step, locale, locale), "{asked} of {known:?}");
    }
}

#[test]
fn the_chain_names_each_locale_once() {
    assert_eq!(chain(&"nl-NL".parse().unwrap(), "en-US"), ["nl-NL", "nl", "en-US"]);
    assert_eq!(chain(&"en-us".parse().unwrap(), "en-US"), ["en-us", "en"]);
}
