//! The requests of the baseline.

use jiff::civil::Date;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;

use super::wire;
use crate::world::World;

/// Answers "not ready yet" before it gives up.
const PATIENCE: u32 = 6;

/// A reported day of a subscription.
#[derive(Debug, Clone)]
pub struct Day {
    /// As the vendor lists it.
    pub customer: String,
    /// As the vendor lists it.
    pub subscription: String,
    date: Date,
}

/// Who asks.
pub struct Asking {
    client: Client,
    base: String,
    token: String,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(rename = "offerId", default)]
    offer: String,
}

impl Asking {
    /// With the world's token.
    pub fn new(world: &World) -> anyhow::Result<Self> {
        let base = format!("{}/partner-center/v1", world.base);
        Ok(Self { client: Client::builder().build()?, base, token: world.access_token.clone() })
    }

    /// All reported days of all legacy Azure subscriptions.
    pub async fn days(&self) -> anyhow::Result<Vec<Day>> {
        let (from, to) = World::window();
        let mut days = Vec::new();
        for customer in self.list("/customers?size=500").await? {
            for subscription in self.list(&format!("/customers/{}/subscriptions", customer.id)).await? {
                if !subscription.offer.to_ascii_lowercase().starts_with("ms-azr-") {
                    continue;
                }
                let dates = from.series(jiff::Span::new().days(1)).take_while(|date| *date < to);
                days.extend(dates.map(|date| Day {
                    customer: customer.id.clone(),
                    subscription: subscription.id.clone(),
                    date,
                }));
            }
        }
        Ok(days)
    }

    /// One page of a day. A day that is not ready the first time is asked for again.
    pub async fn page(&self, day: &Day, token: Option<&str>) -> anyhow::Result<Vec<u8>> {
        let Day { customer, subscription, date } = day;
        let path = format!("/customers/{customer}/subscriptions/{subscription}/utilizations/azure");
        let (start, end) = (format!("{date}T00:00:00Z"), format!("{}T00:00:00Z", date.tomorrow()?));
        let mut query = vec![
            ("start_time", start.as_str()),
            ("end_time", &end),
            ("granularity", "daily"),
            ("show_details", "true"),
            ("size", "1000"),
        ];
        query.extend(token.map(|_| ("seek_operation", "Next")));
        for _ in 0..PATIENCE {
            let mut request = self.get(&path).query(&query);
            if let Some(token) = token {
                request = request.header("MS-ContinuationToken", token);
            }
            let answer = request.send().await?.error_for_status()?;
            if answer.status() != StatusCode::NO_CONTENT {
                return Ok(answer.bytes().await?.into());
            }
        }
        anyhow::bail!("a reported day was not ready in time")
    }

    async fn list(&self, path: &str) -> anyhow::Result<Vec<Listed>> {
        let body = self.get(path).send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice::<wire::Collection<'_, Listed>>(&body)?.items)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}
