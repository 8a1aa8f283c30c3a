//! Daily rated usage: lines with their money, taken as given and never recomputed.
//!
//! Names are those of the Graph export, with the older API's as aliases, without regard to case: one line reads alike
//! from both. The reference has the vendor's natural key without its price: lines that differ in nothing else are summed.

use std::borrow::Cow;

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::{Amount, Mapped, Purchase};
use purser_plugin_sdk::{date, number};

use crate::ids;

const COUNT: usize = 55;
/// In the order of the export.
const LINE: Names<COUNT> = [
    &["PartnerId"],
    &["PartnerName"],
    &["CustomerId"],
    &["CustomerName"],
    &["InvoiceNumber"],
    &["ProductId"],
    &["SkuId"],
    &["SkuName"],
    &["PublisherName"],
    &["SubscriptionId"],
    &["ChargeStartDate"],
    &["ChargeEndDate"],
    &["UsageDate"],
    &["ResourceURI"],
    &["ChargeType"],
    &["UnitPrice"],
    &["Quantity"],
    &["UnitType"],
    &["BillingPreTaxTotal"],
    &["BillingCurrency"],
    &["PricingPreTaxTotal"],
    &["PricingCurrency"],
    &["EffectiveUnitPrice"],
    &["PCToBCExchangeRate"],
    &["EntitlementId"],
    &["AdditionalInfo"],
    &["CreditType"],
    &["CreditPercentage", "rateOfCredit"],
    &["BenefitOrderID"],
    &["BenefitType"],
    &["AvailabilityId"],
    &["BenefitID"],
    &["ConsumedService"],
    &["CustomerCountry"],
    &["CustomerDomainName"],
    &["EntitlementDescription"],
    &["MeterCategory"],
    &["MeterId"],
    &["MeterName"],
    &["MeterRegion"],
    &["MeterSubCategory"],
    &["MeterType"],
    &["MpnId"],
    &["PartnerEarnedCreditPercentage", "rateOfPartnerEarnedCredit"],
    &["ProductName"],
    &["PublisherId"],
    &["ResourceGroup"],
    &["ResourceLocation"],
    &["ServiceInfo1"],
    &["ServiceInfo2"],
    &["SubscriptionDescription"],
    &["Tags"],
    &["Tier2MpnId", "resellerMpnId"],
    &["Unit", "unitOfMeasure"],
    &["PCToBCExchangeRateDate"],
];
const CUSTOMER: usize = 2;
const PRODUCT: usize = 5;
const SKU: usize = 6;
const SKU_NAME: usize = 7;
const SUBSCRIPTION: usize = 9;
const USAGE_DATE: usize = 12;
const RESOURCE: usize = 13;
const CHARGE_TYPE: usize = 14;
const UNIT_PRICE: usize = 15;
const QUANTITY: usize = 16;
const COST: usize = 18;
const CURRENCY: usize = 19;
const PRICING_TOTAL: usize = 20;
const PRICING_CURRENCY: usize = 21;
const EFFECTIVE_PRICE: usize = 22;
const EXCHANGE_RATE: usize = 23;
const ENTITLEMENT: usize = 24;
const CREDIT_TYPE: usize = 26;
const AVAILABILITY: usize = 30;
const BENEFIT: usize = 31;
const METER_CATEGORY: usize = 36;
const METER: usize = 37;
const METER_NAME: usize = 38;
const EARNED_CREDIT: usize = 43;
const PRODUCT_NAME: usize = 44;
const UNIT: usize = 53;

/// Texts that go to the metadata as they are.
const TEXTS: [(&str, usize); 36] = [
    ("customer_name", 3),
    ("customer_domain", 34),
    ("customer_country", 33),
    ("invoice_number", 4),
    ("product_id", PRODUCT),
    ("sku_id", SKU),
    ("availability_id", AVAILABILITY),
    ("sku_name", SKU_NAME),
    ("product_name", PRODUCT_NAME),
    ("publisher", 8),
    ("publisher_id", 45),
    ("subscription_description", 50),
    ("entitlement_id", ENTITLEMENT),
    ("entitlement_description", 35),
    ("charge_type", CHARGE_TYPE),
    ("unit_type", 17),
    ("credit_type", CREDIT_TYPE),
    ("credit_percentage", 27),
    ("partner_earned_credit_percentage", EARNED_CREDIT),
    ("benefit_order_id", 28),
    ("benefit_id", BENEFIT),
    ("benefit_type", 29),
    ("consumed_service", 32),
    ("meter_region", 39),
    ("meter_subcategory", 40),
    ("meter_type", 41),
    ("mpn_id", 42),
    ("tier2_mpn_id", 52),
    ("resource_group", 46),
    ("resource_location", 47),
    ("resource_uri", RESOURCE),
    ("service_info_1", 48),
    ("service_info_2", 49),
    ("tags", 51),
    ("additional_info", 25),
    ("partner_id", 0),
];
/// Numbers that go to the metadata, exact.
const NUMBERS: [(&str, usize); 2] =
    [("effective_unit_price", EFFECTIVE_PRICE), ("pricing_total", PRICING_TOTAL)];
/// Dates that go to the metadata as UTC.
const DATES: [(&str, usize); 3] = [("charge_start", 10), ("charge_end", 11), ("exchange_rate_date", 54)];

pub fn record(mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
    let line = Fields::read(&LINE, record)?;
    let usage = line.moment(USAGE_DATE)?.at().ok_or("UsageDate is missing")?;
    let (start, end) = date::utc_day(usage)?;
    let start = date::rfc3339(start);
    let subscription = first_of(&line, &[SUBSCRIPTION, ENTITLEMENT])?;
    let customer = line.text(CUSTOMER)?;
    let purchase = Purchase {
        reference: reference(&line, &start)?.into(),
        vendor_customer: ids::id(&customer),
        vendor_subscription: ids::id(&subscription),
        product_key: product_key(&line)?,
        product_text: first_of(&line, &[METER_NAME, SKU_NAME, PRODUCT_NAME])?,
        category: line.text(METER_CATEGORY)?,
        quantity: line.required_decimal(QUANTITY)?,
        unit: line.text(UNIT)?,
        unit_price: line.decimal(UNIT_PRICE)?,
        unit_price_currency: line.text(PRICING_CURRENCY)?.trim().to_ascii_uppercase().into(),
        cost: line.required_decimal(COST)?,
        currency: billing_currency(&line)?,
        exchange_rate: line.decimal(EXCHANGE_RATE)?,
        start: start.as_str().into(),
        end: date::rfc3339(end).into(),
        amount: Amount::Given,
        metadata: metadata(&line)?,
    };
    mapped.purchase(&purchase, &[ordinal]);
    Ok(())
}

/// The vendor's natural key; what it calls unit price is left out, since prices of a day still change.
fn reference(line: &Fields<'_, COUNT>, day: &str) -> Result<String, String> {
    let entitlement = line.text(ENTITLEMENT)?;
    let subscription = line.text(SUBSCRIPTION)?;
    let earned_credit = line.decimal(EARNED_CREDIT)?;
    let earned_credit = number::canonical(&earned_credit).filter(|rate| rate != "0").unwrap_or_default();
    Ok(ids::reference(&[
        day.get(..10).unwrap_or(day),
        &ids::id(&subscription),
        &ids::id(&entitlement),
        &line.text(RESOURCE)?,
        &line.text(METER)?,
        &line.text(PRODUCT)?,
        &line.text(SKU)?,
        &line.text(AVAILABILITY)?,
        &line.text(CREDIT_TYPE)?,
        &earned_credit,
        &line.text(BENEFIT)?,
        &line.text(CHARGE_TYPE)?,
    ]))
}

/// The meter; where a line has none, product and SKU.
fn product_key<'r>(line: &Fields<'r, COUNT>) -> Result<Cow<'r, str>, String> {
    let meter = line.text(METER)?;
    if !meter.trim().is_empty() {
        return Ok(ids::id(&meter).into_owned().into());
    }
    let (product, sku) = (line.text(PRODUCT)?, line.text(SKU)?);
    let key = [product.trim(), sku.trim()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(":");
    Ok(key.to_ascii_lowercase().into())
}

/// As the line spells it: the host adds up what it reads itself, by the same spelling.
fn billing_currency<'r>(line: &Fields<'r, COUNT>) -> Result<Cow<'r, str>, String> {
    let currency = line.text(CURRENCY)?;
    if currency.trim().is_empty() { Err("BillingCurrency is missing".to_owned()) } else { Ok(currency) }
}

fn first_of<'r>(line: &Fields<'r, COUNT>, members: &[usize]) -> Result<Cow<'r, str>, String> {
    for at in members {
        let text = line.text(*at)?;
        if !text.trim().is_empty() {
            return Ok(text);
        }
    }
    Ok(Cow::Borrowed(""))
}

fn metadata<'r>(line: &Fields<'r, COUNT>) -> Result<Vec<(&'static str, Cow<'r, str>)>, String> {
    let mut metadata = Vec::with_capacity(TEXTS.len() + NUMBERS.len() + DATES.len());
    for (name, at) in TEXTS {
        metadata.push((name, line.json(at)?));
    }
    for (name, at) in NUMBERS {
        metadata.push((name, line.decimal(at)?));
    }
    for (name, at) in DATES {
        // A date that cannot be read is shown as it came: no money hangs on it.
        let text = match line.moment(at) {
            Ok(moment) => moment.text().into(),
            Err(_) => line.text(at)?,
        };
        metadata.push((name, text));
    }
    Ok(metadata)
}
