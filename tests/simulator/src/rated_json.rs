//! Writes a rated line as the export does: one JSON object a line, PascalCase, with the vendor's oddities.

use std::fmt::Write;

use serde_json::json;

use crate::calendar::{Form, month_start, shift};
use crate::ledger::{Altered, Fate, LineId, RATED_USAGE};
use crate::rated::{self, Line, MARKETPLACE_METER, MeterOf};
use crate::world::{Customer, Subscription, World};

/// Everything a line needs besides itself.
pub(crate) struct LineWriter<'a> {
    pub(crate) world: &'a World,
    pub(crate) altered: Altered,
    /// `attributeSet` full, not basic.
    pub(crate) full: bool,
    /// Number of the invoice; empty where nothing is billed yet.
    pub(crate) invoice: &'a str,
}

impl LineWriter<'_> {
    /// Appends the line and a line feed; nothing where it is altered away.
    pub(crate) fn write(&self, text: &mut String, customer: &Customer, plan: &Subscription, line: &Line) {
        let id =
            LineId { feed: RATED_USAGE, subscription: plan.index, day: line.usage_day, index: line.index };
        let billed = match self.altered.fate(id) {
            Fate::AsItIs => line.billing_total,
            Fate::OneMore => line.billing_total.bumped(),
            Fate::Dropped => return,
        };
        text.push('{');
        self.parties(text, customer, plan);
        self.product(text, line);
        self.dates(text, plan, line);
        self.money(text, customer, line, billed);
        self.credit(text, line);
        if self.full {
            self.details(text, customer, plan, line);
        }
        oddities(text, line);
        text.push_str("\"Quantity\":");
        writeln!(text, "{}}}", number(&line.quantity, line.twin % 10 == 9)).unwrap_or_default();
    }

    fn parties(&self, text: &mut String, customer: &Customer, plan: &Subscription) {
        let customer_id = match customer.index % 4 {
            2 => format!("org:{}", customer.id),
            3 => customer.id.to_uppercase(),
            _ => customer.id.clone(),
        };
        let plan_id = if plan.index % 3 == 1 { plan.id.to_uppercase() } else { plan.id.clone() };
        field(text, "PartnerId", &self.world.tenant);
        field(text, "PartnerName", "Simulated Partner");
        field(text, "CustomerId", &customer_id);
        field(text, "CustomerName", &customer.name);
        field(text, "InvoiceNumber", self.invoice);
        field(text, "SubscriptionId", &plan_id);
        field(text, "EntitlementId", &plan.entitlement);
    }

    fn product(&self, text: &mut String, line: &Line) {
        let (product, sku) = rated::product_of(self.world, line.meter);
        let publisher =
            if line.meter == MeterOf::Azure(0) { "Simulated Corporation" } else { "Example Publisher" };
        field(text, "ProductId", &product);
        field(text, "SkuId", sku);
        field(text, "SkuName", "Simulated Azure plan");
        field(text, "PublisherName", publisher);
    }

    fn dates(&self, text: &mut String, plan: &Subscription, line: &Line) {
        let form = Form::any(line.twin + plan.index);
        let cycle = if line.twin.is_multiple_of(2) { Form::Pacific } else { Form::NoZone };
        field(text, "UsageDate", &form.midnight(line.usage_day));
        field(text, "ChargeStartDate", &cycle.midnight(month_start(line.usage_day, 0)));
        field(text, "ChargeEndDate", &Form::NoZone.midnight(shift(month_start(line.usage_day, 1), -1)));
    }

    fn money(&self, text: &mut String, customer: &Customer, line: &Line, billed: crate::amount::Amount) {
        field(text, "ChargeType", if line.twin.is_multiple_of(2) { "New" } else { "new" });
        field(text, "UnitType", rated::unit(self.world, line.meter));
        field(text, "BillingCurrency", customer.currency);
        field(text, "PricingCurrency", "USD");
        let as_text = line.twin % 6 == 5;
        write!(
            text,
            "\"UnitPrice\":{},\"EffectiveUnitPrice\":{},\"PricingPreTaxTotal\":{},\"BillingPreTaxTotal\":{},\
             \"PCToBCExchangeRate\":{},",
            number(&line.unit_price, as_text),
            number(&line.effective_price, line.twin % 10 == 1),
            number(&line.pricing_total, false),
            number(&billed, line.twin % 8 == 6),
            number(&line.exchange_rate, line.twin.is_multiple_of(3)),
        )
        .unwrap_or_default();
        let rate_date =
            if customer.currency == "USD" { "0001-01-01T00:00:00" } else { "2026-01-31T00:00:00.0000000" };
        field(text, "PCToBCExchangeRateDate", rate_date);
    }

    fn credit(&self, text: &mut String, line: &Line) {
        let credit = if line.earned_credit { "Partner Earned Credit Applied" } else { "Credit Not Applied" };
        field(text, "CreditType", credit);
        let percentage = if line.earned_credit { "15" } else { "0" };
        write!(text, "\"CreditPercentage\":{},", number(&percentage, line.twin % 2 == 1)).unwrap_or_default();
        field(text, "BenefitType", if line.benefit { "SavingsPlan" } else { "None" });
        let name = if line.twin.is_multiple_of(2) { "BenefitOrderID" } else { "BenefitOrderId" };
        field(text, name, if line.benefit { "b7e0c0de-0000-4000-8000-00000000beef" } else { "" });
    }

    fn details(&self, text: &mut String, customer: &Customer, plan: &Subscription, line: &Line) {
        self.meter(text, line);
        field(text, "CustomerCountry", customer.country);
        field(text, "CustomerDomainName", &customer.domain);
        field(text, "EntitlementDescription", "Simulated subscription");
        field(text, "SubscriptionDescription", "Simulated Azure plan");
        field(text, "MpnId", "4649221");
        match line.twin % 3 {
            0 => text.push_str("\"Tier2MpnId\":0,"),
            1 => text.push_str("\"Tier2MpnId\":\"0\","),
            _ => {}
        }
        let group = format!("rg-{}", line.word % 5);
        let service =
            if let MeterOf::Azure(index) = line.meter { self.service(index) } else { "Example.Market/apps" };
        field(text, "ResourceGroup", &group);
        field(text, "ConsumedService", service.split('/').next().unwrap_or(""));
        let uri = format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/{service}/res-{:04}",
            plan.entitlement, line.twin
        );
        field(text, "ResourceURI", &uri);
        field(text, "ResourceLocation", if line.twin.is_multiple_of(2) { "EUWEST" } else { "euwest" });
        let info = format!(
            "{{  \"ImageType\": null,  \"ServiceType\": \"size-{}\",  \"VMName\": null}}",
            line.word % 9
        );
        field(text, "AdditionalInfo", if line.twin % 4 == 3 { "" } else { &info });
        field(text, "Tags", if line.twin.is_multiple_of(5) { "{\"costCentre\":\"4100\"}" } else { "" });
        field(text, "ServiceInfo1", "");
        text.push_str(if line.twin.is_multiple_of(2) { "\"ServiceInfo2\":null," } else { "" });
    }

    fn meter(&self, text: &mut String, line: &Line) {
        let MeterOf::Azure(index) = line.meter else {
            let foreign = line.meter == MeterOf::Marketplace;
            field(text, "MeterId", if foreign { MARKETPLACE_METER } else { "" });
            field(
                text,
                "MeterName",
                if foreign { "Example Firewall - 8 vCPU hours" } else { "Example Backup" },
            );
            field(text, "ProductName", if foreign { "Example Firewall" } else { "Example Backup" });
            field(text, "Unit", "1 Hour");
            return;
        };
        let Some(meter) = self.world.meter(index) else { return };
        let words = meter.text(0);
        let id = if line.twin % 4 == 2 { meter.id.to_uppercase() } else { meter.id.clone() };
        field(text, "MeterId", &id);
        field(text, "MeterName", words.name);
        field(text, "MeterCategory", words.category);
        field(text, "MeterSubCategory", words.subcategory);
        match (words.region.is_empty(), line.twin % 2) {
            (true, 0) => text.push_str("\"MeterRegion\":null,"),
            (true, _) => {}
            (false, _) => field(text, "MeterRegion", words.region),
        }
        field(text, "ProductName", "Simulated Azure plan");
        field(text, "Unit", words.unit);
    }

    fn service(&self, index: u64) -> &'static str {
        self.world.meter(index).map_or("", |m| m.service())
    }
}

/// Members nobody announced, and one that is misspelt.
fn oddities(text: &mut String, line: &Line) {
    match line.twin % 7 {
        1 => text.push_str("\"InvoiceLineItemTypce\":\"usage_line_items\","),
        2 => text.push_str("\"attributes-objectType\":\"DailyRatedUsageLineItem\","),
        3 => text.push_str("\"FutureField\":{\"nested\":[1,{\"deep\":null}]},"),
        4 => text.push_str("\"PublisherId\":null,"),
        5 => text.push_str("\"PublisherId\":\"\","),
        _ => {}
    }
}

/// A member with a text, and a comma.
pub(crate) fn field(text: &mut String, name: &str, value: &str) {
    let plain = !value.contains(|c: char| c == '"' || c == '\\' || c.is_control());
    if plain {
        write!(text, "\"{name}\":\"{value}\",").unwrap_or_default();
    } else {
        write!(text, "\"{name}\":{},", json!(value)).unwrap_or_default();
    }
}

/// A number, or the same number as a string.
pub(crate) fn number(value: &impl std::fmt::Display, as_text: bool) -> String {
    if as_text { format!("\"{value}\"") } else { value.to_string() }
}
