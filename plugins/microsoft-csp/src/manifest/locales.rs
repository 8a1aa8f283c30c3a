//! Languages an administrator can choose, each named in itself.
//!
//! The vendor publishes no list of what the rate card is translated to; what comes back in English is shown as such.

use purser_plugin_sdk::manifest::Locale;

/// The last step of every fallback.
pub const DEFAULT: &str = "en-US";

const LOCALES: [(&str, &str); 62] = [
    ("en-US", "English (United States)"),
    ("nl-NL", "Nederlands (Nederland)"),
    ("nl-BE", "Nederlands (België)"),
    ("de-DE", "Deutsch (Deutschland)"),
    ("de-AT", "Deutsch (Österreich)"),
    ("de-CH", "Deutsch (Schweiz)"),
    ("de-LI", "Deutsch (Liechtenstein)"),
    ("de-LU", "Deutsch (Luxemburg)"),
    ("fr-FR", "Français (France)"),
    ("fr-BE", "Français (Belgique)"),
    ("fr-CA", "Français (Canada)"),
    ("fr-CH", "Français (Suisse)"),
    ("fr-LU", "Français (Luxembourg)"),
    ("fr-MC", "Français (Monaco)"),
    ("en-AU", "English (Australia)"),
    ("en-GB", "English (United Kingdom)"),
    ("en-IE", "English (Ireland)"),
    ("en-IN", "English (India)"),
    ("en-NZ", "English (New Zealand)"),
    ("en-SG", "English (Singapore)"),
    ("en-ZA", "English (South Africa)"),
    ("ar-AE", "العربية (الإمارات العربية المتحدة)"),
    ("ar-SA", "العربية (المملكة العربية السعودية)"),
    ("bg-BG", "Български (България)"),
    ("ca-ES", "Català (Espanya)"),
    ("cs-CZ", "Čeština (Česko)"),
    ("da-DK", "Dansk (Danmark)"),
    ("el-GR", "Ελληνικά (Ελλάδα)"),
    ("es-AR", "Español (Argentina)"),
    ("es-CL", "Español (Chile)"),
    ("es-CO", "Español (Colombia)"),
    ("es-ES", "Español (España)"),
    ("es-MX", "Español (México)"),
    ("es-US", "Español (Estados Unidos)"),
    ("et-EE", "Eesti (Eesti)"),
    ("fi-FI", "Suomi (Suomi)"),
    ("he-IL", "עברית (ישראל)"),
    ("hi-IN", "हिन्दी (भारत)"),
    ("hr-HR", "Hrvatski (Hrvatska)"),
    ("hu-HU", "Magyar (Magyarország)"),
    ("id-ID", "Bahasa Indonesia (Indonesia)"),
    ("is-IS", "Íslenska (Ísland)"),
    ("it-CH", "Italiano (Svizzera)"),
    ("it-IT", "Italiano (Italia)"),
    ("ja-JP", "日本語 (日本)"),
    ("ko-KR", "한국어 (대한민국)"),
    ("lt-LT", "Lietuvių (Lietuva)"),
    ("lv-LV", "Latviešu (Latvija)"),
    ("nb-NO", "Norsk bokmål (Norge)"),
    ("pl-PL", "Polski (Polska)"),
    ("pt-BR", "Português (Brasil)"),
    ("pt-PT", "Português (Portugal)"),
    ("ro-RO", "Română (România)"),
    ("ru-RU", "Русский (Россия)"),
    ("sk-SK", "Slovenčina (Slovensko)"),
    ("sl-SI", "Slovenščina (Slovenija)"),
    ("sv-SE", "Svenska (Sverige)"),
    ("th-TH", "ไทย (ไทย)"),
    ("tr-TR", "Türkçe (Türkiye)"),
    ("uk-UA", "Українська (Україна)"),
    ("zh-CN", "中文 (中国)"),
    ("zh-TW", "中文 (台灣)"),
];

/// All languages; the default first.
pub fn locales() -> Vec<Locale> {
    LOCALES.iter().map(|(tag, title)| Locale { tag: (*tag).to_owned(), title: (*title).to_owned() }).collect()
}
