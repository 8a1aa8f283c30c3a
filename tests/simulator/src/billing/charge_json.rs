//! Writes a charge as the reconciliation export does: one JSON object a line, PascalCase, with the vendor's oddities.

use std::fmt::Write;

use super::charge::Charge;
use crate::calendar::Form;
use crate::random::turn;
use crate::rated_json::{field, number};
use crate::world::{Customer, World};

/// Appends the line and a line feed. `position` in the export decides how numbers and dates are written.
pub(crate) fn write(text: &mut String, world: &World, charge: &Charge, invoice: &str) {
    let Some(customer) = world.customers.get(charge.customer as usize) else { return };
    let twin = charge.index + u64::from(charge.day.day().unsigned_abs());
    text.push('{');
    parties(text, world, customer, invoice, twin);
    order(text, world, charge, twin);
    product(text, world, charge, twin);
    dates(text, charge, twin);
    money(text, charge, twin);
    terms(text, world, charge, twin);
    oddities(text, twin);
    writeln!(text, "\"Currency\":\"{}\"}}", customer.currency).unwrap_or_default();
}

fn parties(text: &mut String, world: &World, customer: &Customer, invoice: &str, twin: u64) {
    let id = match customer.index % 4 {
        2 => format!("org:{}", customer.id),
        3 => customer.id.to_uppercase(),
        _ => customer.id.clone(),
    };
    field(text, "PartnerId", &world.tenant);
    field(text, "CustomerId", &id);
    field(text, "CustomerName", &customer.name);
    field(text, "CustomerDomainName", &customer.domain);
    field(text, "CustomerCountry", customer.country);
    field(text, "InvoiceNumber", invoice);
    field(text, "MpnId", "4649221");
    match twin % 4 {
        0 => text.push_str("\"Tier2MpnId\":0,"),
        1 => field(text, "Tier2MpnId", "0"),
        2 => field(text, "ResellerMpnId", "4649221"),
        _ => {}
    }
}

fn order(text: &mut String, world: &World, charge: &Charge, twin: u64) {
    let started = charge.term.map_or(charge.from, |(from, _)| from);
    let id = world.seed.hex("charge order", twin).split_off(52);
    let upper = charge.index % 3 == 1;
    field(text, "OrderId", &id);
    field(text, "AlternateId", &id);
    field(text, "OrderDate", &format!("{started}T18:30:06.6045692Z"));
    field(
        text,
        "SubscriptionId",
        &if upper { charge.subscription.to_uppercase() } else { charge.subscription.clone() },
    );
    field(
        text,
        "SubscriptionDescription",
        if charge.subscription.is_empty() { "" } else { "Simulated subscription" },
    );
    field(text, "ReferenceId", &world.seed.guid("reference", charge.index));
    let reservation = if charge.words.reservation_order {
        world.seed.guid(&format!("reservation order {}", charge.class.name()), charge.index)
    } else {
        String::new()
    };
    field(text, "ReservationOrderId", &reservation);
}

fn product(text: &mut String, world: &World, charge: &Charge, twin: u64) {
    let family = charge.offer.family();
    field(text, "ProductId", &charge.offer.product);
    field(text, "SkuId", charge.offer.sku);
    field(text, "AvailabilityId", &charge.offer.availability);
    field(text, "ProductName", charge.offer.name());
    field(text, "SkuName", charge.offer.name());
    field(text, "PublisherName", family.publisher);
    match (family.is_microsoft(), twin % 3) {
        (false, _) => field(text, "PublisherId", &world.seed.code("publisher", charge.offer.family, 8)),
        (true, 0) => text.push_str("\"PublisherId\":null,"),
        (true, 1) => field(text, "PublisherId", ""),
        (true, _) => {}
    }
    field(text, "UnitType", charge.unit);
    field(text, "MeterDescription", charge.meter.as_ref().map_or("", |m| &m.description));
    // A text in which the vendor's own list of attributes is silent: left empty, or left out.
    if twin.is_multiple_of(2) {
        field(text, "ProductCategory", "");
    }
    match (charge.words.qualifier, twin % 2) {
        ("", 0) => text.push_str("\"ProductQualifiers\":[],"),
        ("", _) => {}
        (qualifier, 0) => write!(text, "\"ProductQualifiers\":[\"{qualifier}\"],").unwrap_or_default(),
        (qualifier, _) => field(text, "ProductQualifiers", qualifier),
    }
}

fn dates(text: &mut String, charge: &Charge, twin: u64) {
    let (from, until) =
        (Form::with_offset(twin), if twin.is_multiple_of(2) { Form::NoZone } else { Form::Zulu });
    field(text, "ChargeStartDate", &from.midnight(charge.from));
    field(text, "ChargeEndDate", &until.midnight(charge.until));
    match charge.term {
        Some((first, last)) => {
            field(text, "SubscriptionStartDate", &Form::Zulu.midnight(first));
            field(text, "SubscriptionEndDate", &Form::Zulu.midnight(last));
        }
        None if twin.is_multiple_of(2) => text.push_str("\"SubscriptionStartDate\":null,"),
        None => field(text, "SubscriptionEndDate", "0001-01-01T00:00:00"),
    }
}

fn money(text: &mut String, charge: &Charge, twin: u64) {
    let as_text = twin % 5 == 2;
    write!(
        text,
        "\"UnitPrice\":{},\"EffectiveUnitPrice\":{},\"Quantity\":{},\"BillableQuantity\":{},\"Subtotal\":{},\
         \"TaxTotal\":{},\"Total\":{},\"PCToBCExchangeRate\":{},",
        number(&charge.unit_price, as_text),
        number(&charge.effective_price, twin % 7 == 3),
        number(&charge.quantity, as_text),
        number(&charge.billable, twin % 3 == 1),
        number(&charge.subtotal, twin % 4 == 3),
        number(&charge.tax, as_text),
        number(&charge.total(), twin % 4 == 1),
        number(&charge.exchange_rate, twin.is_multiple_of(3)),
    )
    .unwrap_or_default();
    field(text, "PricingCurrency", if charge.meter.is_some() { "USD" } else { "" });
    let rated = charge.meter.is_some() && twin.is_multiple_of(2);
    field(
        text,
        "PCToBCExchangeRateDate",
        if rated { "2026-01-31T00:00:00.0000000" } else { "0001-01-01T00:00:00" },
    );
}

fn terms(text: &mut String, world: &World, charge: &Charge, twin: u64) {
    let words = charge.words;
    field(text, "ChargeType", charge.charge_type);
    field(text, "TermAndBillingCycle", words.term_and_cycle);
    field(text, "BillingFrequency", words.frequency);
    field(text, "PriceAdjustmentDescription", words.adjustment);
    field(text, "CreditReasonCode", words.credit_reason);
    let promotion =
        if words.promotion { world.seed.guid("promotion", charge.offer.family) } else { String::new() };
    if words.promotion || twin.is_multiple_of(2) {
        field(text, "PromotionId", &promotion);
    }
}

/// Members nobody announced, and one that is misspelt.
fn oddities(text: &mut String, twin: u64) {
    text.push_str(turn(
        &[
            "",
            "\"InvoiceLineItemTypce\":\"billing_line_items\",",
            "",
            "\"FutureField\":{\"nested\":[1,null]},",
            "",
        ],
        twin,
    ));
}
