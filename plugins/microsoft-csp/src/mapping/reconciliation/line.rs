//! The members of a charge line, and which of them go to the metadata.
//!
//! Names are those of the Graph export, with the older API's as aliases, without regard to case.

use purser_plugin_sdk::json::{Fields, Names};

pub const COUNT: usize = 48;
pub type Line<'r> = Fields<'r, COUNT>;

/// In the order of the export.
pub const NAMES: Names<COUNT> = [
    &["PartnerId"],
    &["CustomerId"],
    &["CustomerName"],
    &["CustomerDomainName"],
    &["CustomerCountry"],
    &["InvoiceNumber"],
    &["MpnId"],
    &["Tier2MpnId", "resellerMpnId"],
    &["OrderId"],
    &["OrderDate"],
    &["ProductId"],
    &["SkuId"],
    &["AvailabilityId"],
    &["SkuName"],
    &["ProductName"],
    &["ChargeType"],
    &["UnitPrice"],
    &["Quantity"],
    &["Subtotal"],
    &["TaxTotal"],
    &["Total", "totalForCustomer"],
    &["Currency"],
    &["PriceAdjustmentDescription"],
    &["PublisherName"],
    &["PublisherId"],
    &["SubscriptionDescription"],
    &["SubscriptionId"],
    &["ChargeStartDate"],
    &["ChargeEndDate"],
    &["TermAndBillingCycle"],
    &["EffectiveUnitPrice"],
    &["UnitType"],
    &["AlternateId"],
    &["BillableQuantity"],
    &["BillingFrequency"],
    &["PricingCurrency"],
    &["PCToBCExchangeRate"],
    &["PCToBCExchangeRateDate"],
    &["MeterDescription"],
    &["ReservationOrderId"],
    &["CreditReasonCode"],
    &["SubscriptionStartDate"],
    &["SubscriptionEndDate"],
    &["ReferenceId"],
    &["ProductQualifiers"],
    &["PromotionId"],
    &["ProductCategory"],
    &["discountDetails"],
];
pub const CUSTOMER: usize = 1;
pub const ORDER: usize = 8;
pub const ORDER_DATE: usize = 9;
pub const PRODUCT: usize = 10;
pub const SKU: usize = 11;
pub const AVAILABILITY: usize = 12;
pub const SKU_NAME: usize = 13;
pub const PRODUCT_NAME: usize = 14;
pub const CHARGE_TYPE: usize = 15;
pub const UNIT_PRICE: usize = 16;
pub const QUANTITY: usize = 17;
pub const SUBTOTAL: usize = 18;
pub const CURRENCY: usize = 21;
pub const PUBLISHER: usize = 23;
pub const PUBLISHER_ID: usize = 24;
pub const SUBSCRIPTION: usize = 26;
pub const CHARGE_START: usize = 27;
pub const CHARGE_END: usize = 28;
pub const TERM: usize = 29;
pub const UNIT: usize = 31;
pub const BILLABLE_QUANTITY: usize = 33;
pub const FREQUENCY: usize = 34;
pub const PRICING_CURRENCY: usize = 35;
pub const EXCHANGE_RATE: usize = 36;
pub const METER: usize = 38;
pub const RESERVATION_ORDER: usize = 39;
pub const CREDIT_REASON: usize = 40;
pub const PROMOTION: usize = 45;
pub const CATEGORY: usize = 46;

/// Texts that go to the metadata as they are.
pub const TEXTS: [(&str, usize); 27] = [
    ("partner_id", 0),
    ("customer_name", 2),
    ("customer_domain", 3),
    ("customer_country", 4),
    ("invoice_number", 5),
    ("mpn_id", 6),
    ("tier2_mpn_id", 7),
    ("order_id", ORDER),
    ("product_id", PRODUCT),
    ("sku_id", SKU),
    ("availability_id", AVAILABILITY),
    ("sku_name", SKU_NAME),
    ("product_name", PRODUCT_NAME),
    ("charge_type", CHARGE_TYPE),
    ("price_adjustment", 22),
    ("publisher", PUBLISHER),
    ("publisher_id", PUBLISHER_ID),
    ("subscription_description", 25),
    ("term_and_billing_cycle", TERM),
    ("billing_frequency", FREQUENCY),
    ("alternate_id", 32),
    ("meter_description", METER),
    ("reservation_order_id", RESERVATION_ORDER),
    ("credit_reason", CREDIT_REASON),
    ("reference_id", 43),
    ("product_qualifiers", 44),
    ("promotion_id", PROMOTION),
];
/// Numbers that go to the metadata, exact; a number that cannot be read is shown as it came.
pub const NUMBERS: [(&str, usize); 4] =
    [("tax_total", 19), ("total", 20), ("effective_unit_price", 30), ("line_quantity", QUANTITY)];
/// Dates that go to the metadata as UTC.
pub const DATES: [(&str, usize); 6] = [
    ("order_date", ORDER_DATE),
    ("charge_start", CHARGE_START),
    ("charge_end", CHARGE_END),
    ("subscription_start", 41),
    ("subscription_end", 42),
    ("exchange_rate_date", 37),
];
