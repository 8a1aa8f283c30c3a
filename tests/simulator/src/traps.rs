//! The oddities of the vendor's data that are in the default data, and where.

/// Each trap's id and where the default data (8 customers, seed 1) has it.
///
/// | id | where |
/// |---|---|
/// | `number-or-string` | utilization: `quantity` of every tenth record; licences: `quantity` of every sixth; exports: prices, totals, rates, `Quantity` in places |
/// | `number-with-exponent` | utilization: the fifth record of each reported day |
/// | `date-offset` | utilization: `+00:00` and `-08:00` by subscription; exports: `ChargeStartDate` |
/// | `date-seven-digits` | utilization by subscription; exports: `UsageDate`, `PCToBCExchangeRateDate`; licences: `creationDate` |
/// | `date-without-zone` | exports: `UsageDate`, `ChargeEndDate`; operations; licences: `commitmentEndDate` |
/// | `date-year-1` | rate card: `effectiveDate`; licences: `cancellationAllowedUntilDate`; exports in dollars: `PCToBCExchangeRateDate` |
/// | `date-year-9999` | licences: `commitmentEndDate` of legacy Azure |
/// | `date-with-blanks` | licences: dates of the `billingType` none subscription |
/// | `guid-case` | upper case in customers, subscriptions, utilization `resource.id`, rate-card meters, export `CustomerId`, `SubscriptionId`, `MeterId` |
/// | `org-prefix` | exports: `CustomerId` of every fourth customer |
/// | `null-empty-missing` | exports: `MeterRegion`, `PublisherId`, `Tier2MpnId`, `ServiceInfo2`; licences: `renewalTermDuration`; rate card fr-FR: `offerTerms` null |
/// | `unknown-member` | customers: `previewTraits`; licences: `scheduledNextTermInstructions`; utilization: `reportedBatch`; exports: `FutureField` |
/// | `misspelt-member` | exports: `InvoiceLineItemTypce`, `attributes-objectType`; utilization: `billing-scope` |
/// | `embedded-json` | exports: `AdditionalInfo`, `Tags` |
/// | `member-renamed` | rate card de-DE: `taxIncluded`; exports: `BenefitOrderID` and `BenefitOrderId` |
/// | `enum-case` | customers: `Reseller`; licences: `Active`, `License`, `Usage`; exports: `New`/`new` |
/// | `retry-after-date` | utilization: 204 of the fourth subscription |
/// | `not-ready-204` | utilization: first request of a day of the second, fourth, seventh … subscription |
/// | `total-count-is-page-size` | customers and utilization: every collection |
/// | `links-next-broken` | customers and utilization: a second `?` in the `uri` of `links.next` |
/// | `usage-outside-window` | utilization: late usage of two and three days before |
/// | `late-usage-is-additional` | utilization: a usage day goes on in later reported days |
/// | `quantity-of-usage-subscription` | licences: 20 seats of legacy Azure |
/// | `billing-type-none` | licences: a dormant subscription of every fourth customer |
/// | `status-not-billed` | licences: expired, pending, deleted |
/// | `trial` | licences: every tenth seat subscription |
/// | `effective-price-zero` | exports: every ninth line, with a total |
/// | `total-floored` | exports: `BillingPreTaxTotal` cut to cents in every seventh line |
/// | `restated` | exports: totals and a quantity change a day later |
/// | `vanished` | utilization: a record of every third reported day; exports: the last line of every other plan's usage day |
/// | `late-line` | exports: the last but one line of a usage day comes a day later |
/// | `tags-as-map` | utilization: `instanceData.tags`, `additionalInfo` |
/// | `completed-or-succeeded` | operations: euro `succeeded`, dollar `completed` |
/// | `manifest-linked-or-inline` | operations: euro linked, dollar inline |
/// | `status-not-started` | operations: first poll of euro exports |
/// | `several-blobs` | manifests: two and more of euro data |
/// | `data-format-name` | manifests: `compressedJSON` and `compressedJSONLines` |
/// | `current-or-last` | exports: `previous` is refused |
/// | `no-data` | operations: 5000 for a currency or month without lines |
/// | `duplicate-records` | utilization: the ninth repeats the eighth; exports: the tenth repeats the ninth |
/// | `negative` | utilization: the twelfth record; exports: the twelfth line |
/// | `meter-not-a-guid` | exports: a marketplace line of each usage day |
/// | `meter-missing` | exports: a line of each usage day without `MeterId`: product and SKU name it |
/// | `meter-not-in-rate-card` | exports: the last four meters |
/// | `not-translated` | rate cards: texts left in English, meters missing from translated cards, trailing blanks |
/// | `unsupported-locale` | rate card: answered in English, `locale` says so |
/// | `default-market` | rate card: without currency and region `X-Locale` decides them |
/// | `tiers` | rate card: three tiers, order not guaranteed, a bound that is no integer, an included quantity |
/// | `headers-doubled` | Partner Center: `MS-CorrelationId` comes back as `x,x` |
/// | `offer-terms` | rate cards but fr-FR |
pub const TRAPS: &[(&str, &str)] = &[
    (
        "number-or-string",
        "utilization: quantity of every tenth record; licences: quantity of every sixth; exports: prices, totals, rates, Quantity in places",
    ),
    ("number-with-exponent", "utilization: the fifth record of each reported day"),
    ("date-offset", "utilization: +00:00 and -08:00 by subscription; exports: ChargeStartDate"),
    (
        "date-seven-digits",
        "utilization by subscription; exports: UsageDate, PCToBCExchangeRateDate; licences: creationDate",
    ),
    ("date-without-zone", "exports: UsageDate, ChargeEndDate; operations; licences: commitmentEndDate"),
    (
        "date-year-1",
        "rate card: effectiveDate; licences: cancellationAllowedUntilDate; exports in dollars: PCToBCExchangeRateDate",
    ),
    ("date-year-9999", "licences: commitmentEndDate of legacy Azure"),
    ("date-with-blanks", "licences: dates of the billingType none subscription"),
    (
        "guid-case",
        "upper case in customers, subscriptions, utilization resource.id, rate-card meters, export CustomerId, SubscriptionId, MeterId",
    ),
    ("org-prefix", "exports: CustomerId of every fourth customer"),
    (
        "null-empty-missing",
        "exports: MeterRegion, PublisherId, Tier2MpnId, ServiceInfo2; licences: renewalTermDuration; rate card fr-FR: offerTerms null",
    ),
    (
        "unknown-member",
        "customers: previewTraits; licences: scheduledNextTermInstructions; utilization: reportedBatch; exports: FutureField",
    ),
    ("misspelt-member", "exports: InvoiceLineItemTypce, attributes-objectType; utilization: billing-scope"),
    ("embedded-json", "exports: AdditionalInfo, Tags"),
    ("member-renamed", "rate card de-DE: taxIncluded; exports: BenefitOrderID and BenefitOrderId"),
    ("enum-case", "customers: Reseller; licences: Active, License, Usage; exports: New/new"),
    ("retry-after-date", "utilization: 204 of the fourth subscription"),
    ("not-ready-204", "utilization: first request of a day of the second, fourth, seventh … subscription"),
    ("total-count-is-page-size", "customers and utilization: every collection"),
    ("links-next-broken", "customers and utilization: a second ? in the uri of links.next"),
    ("usage-outside-window", "utilization: late usage of two and three days before"),
    ("late-usage-is-additional", "utilization: a usage day goes on in later reported days"),
    ("quantity-of-usage-subscription", "licences: 20 seats of legacy Azure"),
    ("billing-type-none", "licences: a dormant subscription of every fourth customer"),
    ("status-not-billed", "licences: expired, pending, deleted"),
    ("trial", "licences: every tenth seat subscription"),
    ("effective-price-zero", "exports: every ninth line, with a total"),
    ("total-floored", "exports: BillingPreTaxTotal cut to cents in every seventh line"),
    ("restated", "exports: totals and a quantity change a day later"),
    (
        "vanished",
        "utilization: a record of every third reported day; exports: the last line of every other plan's usage day",
    ),
    ("late-line", "exports: the last but one line of a usage day comes a day later"),
    ("tags-as-map", "utilization: instanceData.tags, additionalInfo"),
    ("completed-or-succeeded", "operations: euro succeeded, dollar completed"),
    ("manifest-linked-or-inline", "operations: euro linked, dollar inline"),
    ("status-not-started", "operations: first poll of euro exports"),
    ("several-blobs", "manifests: two and more of euro data"),
    ("data-format-name", "manifests: compressedJSON and compressedJSONLines"),
    ("current-or-last", "exports: previous is refused"),
    ("no-data", "operations: 5000 for a currency or month without lines"),
    ("duplicate-records", "utilization: the ninth repeats the eighth; exports: the tenth repeats the ninth"),
    ("negative", "utilization: the twelfth record; exports: the twelfth line"),
    ("meter-not-a-guid", "exports: a marketplace line of each usage day"),
    ("meter-missing", "exports: a line of each usage day without MeterId: product and SKU name it"),
    ("meter-not-in-rate-card", "exports: the last four meters"),
    (
        "not-translated",
        "rate cards: texts left in English, meters missing from translated cards, trailing blanks",
    ),
    ("unsupported-locale", "rate card: answered in English, locale says so"),
    ("default-market", "rate card: without currency and region X-Locale decides them"),
    (
        "tiers",
        "rate card: three tiers, order not guaranteed, a bound that is no integer, an included quantity",
    ),
    ("headers-doubled", "Partner Center: MS-CorrelationId comes back as x,x"),
    ("offer-terms", "rate cards but fr-FR"),
];
