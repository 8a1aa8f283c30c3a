//! A small client that does everything right, and a cloud on a clock that tests move.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bigdecimal::BigDecimal;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_simulator::{Config, Grant, Ledger, LedgerLine, Simulator, serve};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

pub const START: &str = "2026-11-23T18:00:00Z";

/// A cloud and a clock.
pub struct Cloud {
    pub simulator: Simulator,
    pub http: Client,
    clock: Arc<AtomicI64>,
    pub grant: Grant,
}

/// Customer, feed, product key, day, subscription → quantity, cost, records.
pub type Sums = BTreeMap<(String, String, String, Date, String), (BigDecimal, BigDecimal, u64)>;

pub async fn cloud(config: Config) -> Cloud {
    cloud_at(START, config).await
}

pub async fn cloud_at(start: &str, config: Config) -> Cloud {
    let clock = Arc::new(AtomicI64::new(start.parse::<Timestamp>().unwrap().as_second()));
    let shared = Arc::clone(&clock);
    let now = Arc::new(move || Timestamp::from_second(shared.load(Ordering::SeqCst)).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulator = serve(Config { clock: now, ..config }, listener).await.unwrap();
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let grant = simulator.grant("service").unwrap();
    Cloud { simulator, http, clock, grant }
}

impl Cloud {
    pub fn pass_hours(&mut self, hours: i64) {
        self.clock.fetch_add(hours * 3_600, Ordering::SeqCst);
        self.grant = self.simulator.grant("service").unwrap();
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    pub fn today(&self) -> Date {
        let now = Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap();
        now.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// One request to Partner Center.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let url = format!("{}{path}", self.simulator.public_base_urls().partner_center);
        let mut request = self.http.get(url).bearer_auth(&self.grant.partner_center);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.headers().clone(), response.bytes().await.unwrap())
    }

    pub async fn graph(
        &self,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = self.http.request(method, url).bearer_auth(&self.grant.graph);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.json().await.unwrap_or(Value::Null))
    }

    /// All pages of a collection, by token only; the raw bodies.
    pub async fn pages(&self, path: &str, seek: &str) -> Vec<Bytes> {
        let mut pages = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let (url, headers) = match &token {
                None => (path.to_owned(), vec![]),
                Some(token) => {
                    (format!("{path}&{seek}=Next"), vec![("MS-ContinuationToken", token.as_str())])
                }
            };
            let (mut status, mut answer_headers, mut body) = self.ask(&url, &headers).await;
            if status == StatusCode::NO_CONTENT {
                assert!(answer_headers.contains_key("retry-after"));
                (status, answer_headers, body) = self.ask(&url, &headers).await;
            }
            assert_eq!(status, StatusCode::OK, "{url} {answer_headers:?}");
            let value: Value = serde_json::from_slice(&body).unwrap();
            pages.push(body);
            token = value.pointer("/links/next/headers/0/value").and_then(Value::as_str).map(str::to_owned);
            if token.is_none() {
                return pages;
            }
        }
    }

    pub async fn customers(&self) -> Vec<Value> {
        items(&self.pages("/v1/customers?size=3", "seekOperation").await)
    }

    pub async fn subscriptions(&self, customer: &str) -> Vec<Value> {
        items(&self.pages(&format!("/v1/customers/{customer}/subscriptions?"), "none").await)
    }

    /// Utilization of one reported day.
    pub async fn utilization(&self, customer: &str, subscription: &str, day: Date, size: u32) -> Vec<Bytes> {
        let next = day.tomorrow().unwrap();
        let path = format!(
            "/v1/customers/{customer}/subscriptions/{subscription}/utilizations/azure?start_time={day}T00:00:00Z\
             &end_time={next}T00:00:00%2B00:00&granularity=daily&show_details=true&size={size}"
        );
        self.pages(&path, "seek_operation").await
    }

    /// Runs an export to its manifest; none where it failed.
    pub async fn export(&self, currency: &str, period: &str) -> Option<Value> {
        let base = self.simulator.public_base_urls().graph;
        let url = format!("{base}/v1.0/reports/partners/billing/usage/unbilled/export");
        let order = json!({ "currencyCode": currency, "billingPeriod": period, "attributeSet": "full" });
        let (status, headers, _) = self.graph(Method::POST, &url, Some(order)).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let location = headers["location"].to_str().unwrap().to_owned();
        loop {
            let (_, _, body) = self.graph(Method::GET, &location, None).await;
            match body["status"].as_str().unwrap() {
                "notStarted" | "running" => {}
                "failed" => {
                    assert_eq!(body["error"]["code"], "5000");
                    return None;
                }
                _ => return Some(self.manifest(&body).await),
            }
        }
    }

    async fn manifest(&self, operation: &Value) -> Value {
        match operation["resourceLocation@odata.navigationLink"].as_str() {
            Some(link) => self.graph(Method::GET, link, None).await.2,
            None => operation["resourceLocation"].clone(),
        }
    }

    /// The lines of all blobs of a manifest.
    pub async fn lines(&self, manifest: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        for blob in manifest["blobs"].as_array().unwrap() {
            let bytes = self.http.get(blob_url(manifest, blob)).send().await.unwrap().bytes().await.unwrap();
            let mut text = String::new();
            flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines
    }

    /// Everything a perfect client would hold after this run, added to what it held.
    pub async fn run(&self, utilization: &mut BTreeMap<(String, Date), Sums>, licences: &mut Sums) -> Sums {
        let mut rated = Sums::new();
        for customer in self.customers().await {
            let customer = customer["id"].as_str().unwrap().to_owned();
            for subscription in self.subscriptions(&customer).await {
                let id = subscription["id"].as_str().unwrap();
                self.add_seats(&customer, &subscription, licences);
                if subscription["offerId"] != "MS-AZR-0145P" {
                    continue;
                }
                for back in 1..=3 {
                    let day = self.today().checked_sub(jiff::Span::new().days(back)).unwrap();
                    let pages = self.utilization(&customer, id, day, 7).await;
                    utilization.insert((id.to_owned(), day), utilization_sums(&customer, id, &pages));
                }
            }
        }
        for currency in ["EUR", "USD"] {
            for period in ["current", "last"] {
                if let Some(manifest) = self.export(currency, period).await {
                    add_rated(&mut rated, &self.lines(&manifest).await);
                }
            }
        }
        rated
    }

    fn add_seats(&self, customer: &str, subscription: &Value, sums: &mut Sums) {
        let text = |name: &str| subscription[name].as_str().unwrap_or("").to_lowercase();
        if text("billingType") != "license" || !["active", "suspended"].contains(&text("status").as_str()) {
            return;
        }
        let offer = text("offerId");
        let key = offer.rsplit_once(':').unwrap().0.to_owned();
        let now = Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap();
        let day = now.in_tz("CET").unwrap().date();
        add(
            sums,
            (customer.to_lowercase(), "licences".into(), key, day, text("id")),
            &subscription["quantity"].to_string(),
            "0",
        );
    }
}

pub fn blob_url(manifest: &Value, blob: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    format!("{}/{}?{}", text(&manifest["rootDirectory"]), text(&blob["name"]), text(&manifest["sasToken"]))
}

pub fn items(pages: &[Bytes]) -> Vec<Value> {
    let of =
        |page: &Bytes| serde_json::from_slice::<Value>(page).unwrap()["items"].as_array().unwrap().clone();
    pages.iter().flat_map(of).collect()
}

/// The text after a member's name up to the next comma or brace, without quotes: numbers keep all their digits.
pub fn raw(record: &str, name: &str) -> String {
    let at = record.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {record}"));
    let rest = &record[at + name.len() + 3..];
    rest[..rest.find([',', '}']).unwrap()].trim_matches('"').to_owned()
}

fn add(sums: &mut Sums, key: (String, String, String, Date, String), quantity: &str, cost: &str) {
    let number = |text: &str| text.trim_matches('"').parse::<BigDecimal>().unwrap();
    let sum = sums.entry(key).or_default();
    sum.0 += number(quantity);
    sum.1 += number(cost);
    sum.2 += 1;
}

pub fn utc_day(text: &str) -> Date {
    let instant = text.parse::<Timestamp>().or_else(|_| format!("{text}Z").parse()).unwrap();
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn utilization_sums(customer: &str, subscription: &str, pages: &[Bytes]) -> Sums {
    let mut sums = Sums::new();
    for page in pages {
        let text = String::from_utf8(page.to_vec()).unwrap();
        for record in text.split("{\"usageStartTime\"").skip(1) {
            let record = format!("{{\"usageStartTime\"{record}");
            let key = (
                customer.to_lowercase(),
                "utilization".into(),
                raw(&record, "id").to_lowercase(),
                utc_day(&raw(&record, "usageStartTime")),
                subscription.to_lowercase(),
            );
            add(&mut sums, key, &raw(&record, "quantity"), "0");
        }
    }
    sums
}

fn add_rated(sums: &mut Sums, lines: &[String]) {
    for line in lines {
        let meter = raw(line, "MeterId").to_lowercase();
        let product = format!("{}:{}", raw(line, "ProductId"), raw(line, "SkuId")).to_lowercase();
        let key = (
            raw(line, "CustomerId").to_lowercase().trim_start_matches("org:").to_owned(),
            "rated-usage".into(),
            if meter.is_empty() { product } else { meter },
            utc_day(&raw(line, "UsageDate")),
            raw(line, "SubscriptionId").to_lowercase(),
        );
        add(sums, key, &raw(line, "Quantity"), &raw(line, "BillingPreTaxTotal"));
    }
}

/// The ledger in the same form.
pub fn sums_of(ledger: &Ledger) -> Sums {
    let key = |l: &LedgerLine| {
        (l.customer.clone(), l.feed.to_owned(), l.product_key.clone(), l.day, l.subscription.clone())
    };
    ledger
        .lines
        .iter()
        .map(|l| (key(l), (l.quantity.clone(), l.cost.clone().unwrap_or_default(), l.records)))
        .collect()
}

/// What is held in all.
pub fn total(utilization: &BTreeMap<(String, Date), Sums>, licences: &Sums, rated: &Sums) -> Sums {
    let mut all = Sums::new();
    for sums in utilization.values().chain([licences, rated]) {
        for (key, (quantity, cost, records)) in sums {
            let sum = all.entry(key.clone()).or_default();
            sum.0 += quantity;
            sum.1 += cost;
            sum.2 += records;
        }
    }
    all
}
