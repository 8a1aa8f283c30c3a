//! Every trap that the crate lists is really in the default data: a check for each id, no id without a check.

use std::collections::BTreeSet;

use purser_simulator::{Config, TRAPS};
use serde_json::Value;

use crate::client::{Cloud, cloud, items, utc_day};

/// Everything a run reads, as text.
#[derive(Default)]
struct Seen {
    customers: String,
    customer_envelope: Value,
    subscriptions: String,
    utilization: String,
    utilization_first_page: Value,
    statuses: Vec<u16>,
    retry_after: Vec<String>,
    operations: Vec<Value>,
    manifests: Vec<Value>,
    euro: Vec<String>,
    dollar: Vec<String>,
    next_day: Vec<String>,
    cards: Vec<String>,
    correlation: String,
}

async fn seen() -> Seen {
    let mut cloud = cloud(Config::default()).await;
    let mut seen = Seen::default();
    let (_, headers, body) = cloud.ask("/v1/customers?size=3", &[("MS-CorrelationId", "x")]).await;
    seen.correlation = headers["ms-correlationid"].to_str().unwrap().into();
    seen.customer_envelope = serde_json::from_slice(&body).unwrap();
    for customer in cloud.customers().await {
        seen.customers += &customer.to_string();
        read_customer(&cloud, customer["id"].as_str().unwrap(), &mut seen).await;
    }
    for currency in ["EUR", "USD"] {
        read_export(&cloud, currency, &mut seen).await;
    }
    for locale in ["en-US", "nl-NL", "de-DE", "fr-FR", "xx-XX"] {
        let path = "/v1/ratecards/azure?currency=EUR&region=NL";
        seen.cards.push(text(&cloud.ask(path, &[("X-Locale", locale)]).await.2));
    }
    seen.cards.push(text(&cloud.ask("/v1/ratecards/azure", &[("X-Locale", "nl-NL")]).await.2));
    cloud.pass_hours(24);
    let manifest = cloud.export("EUR", "current").await.unwrap();
    seen.next_day = cloud.lines(&manifest).await;
    seen
}

async fn read_customer(cloud: &Cloud, customer: &str, seen: &mut Seen) {
    let body = cloud.ask(&format!("/v1/customers/{customer}/subscriptions"), &[]).await.2;
    seen.subscriptions += &text(&body);
    for subscription in items(&[body]).iter().filter(|s| s["offerId"] == "MS-AZR-0145P") {
        let path = format!(
            "/v1/customers/{customer}/subscriptions/{}/utilizations/azure?start_time=2026-11-20T00:00:00Z\
             &end_time=2026-11-23T00:00:00Z&size=40",
            subscription["id"].as_str().unwrap()
        );
        let (status, headers, _) = cloud.ask(&path, &[]).await;
        seen.statuses.push(status.as_u16());
        seen.retry_after.extend(headers.get("retry-after").map(|v| v.to_str().unwrap().to_owned()));
        let pages = cloud.pages(&path, "seek_operation").await;
        seen.utilization_first_page = serde_json::from_slice(&pages[0]).unwrap();
        seen.utilization += &pages.iter().map(text).collect::<String>();
    }
}

async fn read_export(cloud: &Cloud, currency: &str, seen: &mut Seen) {
    let base = format!("{}/v1.0/reports/partners/billing", cloud.simulator.public_base_urls().graph);
    let order = serde_json::json!({ "currencyCode": currency, "billingPeriod": "current" });
    let url = format!("{base}/usage/unbilled/export");
    let (_, headers, _) = cloud.graph(reqwest::Method::POST, &url, Some(order)).await;
    let location = headers["location"].to_str().unwrap().to_owned();
    for _ in 0..3 {
        seen.operations.push(cloud.graph(reqwest::Method::GET, &location, None).await.2);
    }
    let manifest = cloud.export(currency, "current").await.unwrap();
    let lines = cloud.lines(&manifest).await;
    if currency == "EUR" {
        seen.euro = lines
    } else {
        seen.dollar = lines
    }
    seen.manifests.push(manifest);
}

fn text(body: &bytes::Bytes) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

fn one_line(lines: &[String], parts: &[&str]) -> bool {
    lines.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

impl Seen {
    /// Whether the trap is in what was read; none for an id without a check.
    fn has(&self, id: &str) -> Option<bool> {
        self.has_in_numbers_and_dates(id)
            .or_else(|| self.has_in_members(id))
            .or_else(|| self.has_in_protocol(id))
            .or_else(|| self.has_in_usage(id))
            .or_else(|| self.has_in_cards(id))
    }

    fn has_in_numbers_and_dates(&self, id: &str) -> Option<bool> {
        let usage = &self.utilization;
        Some(match id {
            "number-or-string" => {
                let number = |c: char| c.is_ascii_digit();
                let both = |t: &str, name: &str| {
                    let values: Vec<_> = t.split(&format!("\"{name}\":")).skip(1).collect();
                    values.iter().any(|v| v.starts_with('"')) && values.iter().any(|v| v.starts_with(number))
                };
                both(usage, "quantity")
                    && both(&self.subscriptions, "quantity")
                    && both(&self.euro.concat(), "UnitPrice")
            }
            "number-with-exponent" => {
                usage.split("\"quantity\":").any(|v| v.split(',').next().unwrap().contains("E-"))
            }
            "date-offset" => usage.contains("T00:00:00+00:00\"") && usage.contains("T16:00:00-08:00\""),
            "date-seven-digits" => usage.contains(".0000000Z") && self.subscriptions.contains(".0966728Z"),
            "date-without-zone" => one_line(&self.euro, &["\"UsageDate\":\"2026-11-19T00:00:00\""]),
            "date-year-1" => {
                self.cards[0].contains("0001-01-01T00:00:00Z")
                    && self.subscriptions.contains("\"0001-01-01T00:00:00\"")
                    && one_line(&self.dollar, &["\"PCToBCExchangeRateDate\":\"0001-01-01T00:00:00\""])
            }
            "date-year-9999" => self.subscriptions.contains("9999-12-14"),
            "date-with-blanks" => self.subscriptions.contains("T06: 41: 12Z"),
            _ => return None,
        })
    }

    fn has_in_members(&self, id: &str) -> Option<bool> {
        let euro = &self.euro;
        Some(match id {
            "guid-case" => {
                let upper = |t: &str, name: &str| {
                    t.split(&format!("\"{name}\":\""))
                        .skip(1)
                        .any(|v| v.chars().take(36).any(|c| c.is_ascii_uppercase()))
                };
                let lines = euro.concat();
                upper(&self.customers, "id")
                    && upper(&self.utilization, "id")
                    && upper(&lines, "MeterId")
                    && upper(&lines, "CustomerId")
                    && upper(&lines, "SubscriptionId")
                    && upper(&self.cards[0], "id")
            }
            "org-prefix" => {
                one_line(&self.dollar, &["\"CustomerId\":\"org:"])
                    || one_line(euro, &["\"CustomerId\":\"org:"])
            }
            "null-empty-missing" => {
                one_line(euro, &["\"PublisherId\":null"])
                    && one_line(euro, &["\"PublisherId\":\"\""])
                    && euro.iter().any(|l| !l.contains("PublisherId"))
                    && one_line(euro, &["\"MeterRegion\":null"])
                    && euro.iter().any(|l| !l.contains("MeterRegion"))
            }
            "unknown-member" => {
                self.customers.contains("previewTraits")
                    && self.utilization.contains("reportedBatch")
                    && self.subscriptions.contains("scheduledNextTermInstructions")
                    && one_line(euro, &["FutureField"])
            }
            "misspelt-member" => {
                one_line(euro, &["InvoiceLineItemTypce"])
                    && one_line(euro, &["attributes-objectType"])
                    && self.utilization.contains("billing-scope")
            }
            "embedded-json" => one_line(euro, &["\"AdditionalInfo\":\"{", "\\\"ImageType\\\": null"]),
            "member-renamed" => {
                self.cards[2].contains("\"taxIncluded\"")
                    && one_line(euro, &["BenefitOrderID"])
                    && one_line(euro, &["BenefitOrderId"])
            }
            "enum-case" => {
                self.customers.contains("\"Reseller\"")
                    && self.subscriptions.contains("\"Active\"")
                    && self.subscriptions.contains("\"License\"")
                    && one_line(euro, &["\"ChargeType\":\"new\""])
            }
            "tags-as-map" => {
                self.utilization.contains("\"tags\":{") && self.utilization.contains("\"additionalInfo\":{")
            }
            "quantity-of-usage-subscription" => {
                self.subscriptions.contains("\"quantity\":20,\"unitType\":\"Usage-based\"")
            }
            "billing-type-none" => self.subscriptions.contains("\"billingType\":\"none\""),
            "status-not-billed" => ["expired", "pending", "deleted"]
                .iter()
                .all(|s| self.subscriptions.to_lowercase().contains(*s)),
            "trial" => self.subscriptions.contains("\"isTrial\":true"),
            _ => return None,
        })
    }

    fn has_in_protocol(&self, id: &str) -> Option<bool> {
        let status = |status: &str| self.operations.iter().any(|o| o["status"] == status);
        let uri = |page: &Value| page["links"]["next"]["uri"].as_str().unwrap().matches('?').count() == 2;
        Some(match id {
            "retry-after-date" => self.retry_after.iter().any(|v| v.ends_with(" GMT")),
            "not-ready-204" => self.statuses.contains(&204) && self.statuses.contains(&200),
            "total-count-is-page-size" => {
                self.customer_envelope["totalCount"] == 3 && self.utilization_first_page["totalCount"] == 40
            }
            "links-next-broken" => uri(&self.customer_envelope) && uri(&self.utilization_first_page),
            "completed-or-succeeded" => status("completed") && status("succeeded"),
            "manifest-linked-or-inline" => {
                let has = |name: &str| self.operations.iter().any(|o| o.get(name).is_some());
                has("resourceLocation") && has("resourceLocation@odata.navigationLink")
            }
            "status-not-started" => status("notStarted") && status("running"),
            "several-blobs" => self.manifests[0]["blobCount"] == 2,
            "data-format-name" => {
                self.manifests[0]["dataFormat"] == "compressedJSON"
                    && self.manifests[1]["dataFormat"] == "compressedJSONLines"
            }
            "headers-doubled" => self.correlation == "x,x",
            // Tested with the other refusals.
            "current-or-last" | "no-data" => true,
            _ => return None,
        })
    }

    fn has_in_usage(&self, id: &str) -> Option<bool> {
        let euro = &self.euro;
        let days = || {
            self.utilization
                .split("\"usageStartTime\":\"")
                .skip(1)
                .map(|v| utc_day(v.split('"').next().unwrap()))
        };
        let repeated = |records: Vec<&str>| records.iter().collect::<BTreeSet<_>>().len() < records.len();
        Some(match id {
            "usage-outside-window" => days().any(|day| day == "2026-11-17".parse().unwrap()),
            // Compared with the ledger, which has both parts of the day.
            "late-usage-is-additional" => {
                days().filter(|day| *day == "2026-11-20".parse().unwrap()).count() > 8 * 18
            }
            "effective-price-zero" => one_line(euro, &["\"EffectiveUnitPrice\":0,"]),
            "total-floored" => euro.iter().any(|l| {
                l.split("\"BillingPreTaxTotal\":")
                    .nth(1)
                    .unwrap()
                    .split(',')
                    .next()
                    .unwrap()
                    .trim_matches('"')
                    .split('.')
                    .nth(1)
                    .is_some_and(|digits| digits.len() == 2)
            }),
            "restated" => euro.iter().filter(|l| !self.next_day.contains(l)).count() > 6,
            "vanished" => euro.iter().any(|l| one_line(std::slice::from_ref(l), &["2026-11-21", "res-0019"])),
            "late-line" => {
                !one_line(euro, &["\"UsageDate\":\"2026-11-21", "res-0018"])
                    && one_line(&self.next_day, &["\"UsageDate\":\"2026-11-21", "res-0018"])
            }
            "duplicate-records" => {
                repeated(euro.iter().map(String::as_str).collect())
                    && repeated(self.utilization.split("{\"usageStartTime\"").collect())
            }
            "negative" => {
                self.utilization.contains("\"quantity\":-0.") && one_line(euro, &["\"Quantity\":-"])
            }
            "meter-not-a-guid" => one_line(euro, &["\"MeterId\":\"8vCPU\""]),
            "meter-missing" => one_line(euro, &["\"MeterId\":\"\""]),
            "meter-not-in-rate-card" => {
                let rated: BTreeSet<_> = euro
                    .iter()
                    .map(|l| {
                        l.split("\"MeterId\":\"").nth(1).unwrap().split('"').next().unwrap().to_lowercase()
                    })
                    .filter(|id| id.len() == 36)
                    .collect();
                rated.iter().any(|id| !self.cards[0].to_lowercase().contains(id))
            }
            _ => return None,
        })
    }

    fn has_in_cards(&self, id: &str) -> Option<bool> {
        let [english, dutch, german, french, unknown, home] = &self.cards[..] else { panic!("six cards") };
        Some(match id {
            "not-translated" => {
                dutch.contains("Archiefopslag")
                    && dutch.matches("\"id\"").count() < english.matches("\"id\"").count()
                    && dutch.contains("Archive storage")
                    && german.contains("Windows \"")
            }
            "unsupported-locale" => unknown == english && english.contains("\"locale\":\"en-US\""),
            "default-market" => home == dutch,
            "tiers" => english.contains("\"512000.5\":") && english.contains("\"includedQuantity\":0.5"),
            "offer-terms" => english.contains("\"discount\":0.15") && french.contains("\"offerTerms\":null"),
            _ => return None,
        })
    }
}

#[tokio::test]
async fn every_listed_trap_is_in_the_default_data() {
    let seen = seen().await;
    let absent: Vec<_> =
        TRAPS.iter().filter(|(id, _)| seen.has(id) != Some(true)).map(|(id, _)| *id).collect();
    assert_eq!(absent, Vec::<&str>::new(), "neither seen nor checked");
    let ids: BTreeSet<_> = TRAPS.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), TRAPS.len());
}

#[tokio::test]
async fn every_body_is_json_a_client_can_read() {
    let seen = seen().await;
    for body in &seen.cards {
        serde_json::from_str::<Value>(body).unwrap();
    }
    for line in seen.euro.iter().chain(&seen.dollar) {
        serde_json::from_str::<Value>(line).unwrap();
    }
}
