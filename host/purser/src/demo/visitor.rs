//! A person with a browser, as far as HTTP goes: follows redirects, keeps cookies, fills in the forms it finds.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// The visitor.
pub struct Visitor {
    client: reqwest::Client,
    /// Cookies by host and port.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A page as the visitor sees it.
pub struct Seen {
    /// Where the visitor stands.
    pub url: Url,
    /// HTTP status.
    pub status: u16,
    /// The page.
    pub body: String,
}

/// Where one request leads.
pub enum Hop {
    /// A page.
    Page(Seen),
    /// A redirect.
    To(Url),
}

impl Visitor {
    /// Without cookies.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new() -> anyhow::Result<Self> {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { client, cookies: BTreeMap::new() })
    }

    /// Opens a page and follows where it leads.
    ///
    /// # Errors
    /// Where a server cannot be reached or leads in circles.
    pub async fn open(&mut self, url: &Url) -> anyhow::Result<Seen> {
        let hop = self.open_once(url).await?;
        self.follow(hop).await
    }

    /// Sends a form and follows where it leads.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn send(&mut self, form: Form) -> anyhow::Result<Seen> {
        let hop = self.send_once(form).await?;
        self.follow(hop).await
    }

    /// Opens a page, and stays where it redirects.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_once(&mut self, url: &Url) -> anyhow::Result<Hop> {
        let request = self.client.get(url.clone());
        self.hop(url, request).await
    }

    /// Sends a form, and stays where it redirects.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn send_once(&mut self, form: Form) -> anyhow::Result<Hop> {
        let origin = form.target.origin().ascii_serialization();
        let request = self.client.post(form.target.clone()).header(ORIGIN, origin).form(&form.values);
        self.hop(&form.target, request).await
    }

    async fn follow(&mut self, mut hop: Hop) -> anyhow::Result<Seen> {
        for _ in 0..12 {
            match hop {
                Hop::Page(seen) => return Ok(seen),
                Hop::To(url) => hop = self.open_once(&url).await?,
            }
        }
        bail!("the pages lead in circles")
    }

    async fn hop(&mut self, url: &Url, request: reqwest::RequestBuilder) -> anyhow::Result<Hop> {
        let response = request
            .header(COOKIE, self.cookies_for(url))
            .send()
            .await
            .context("a server cannot be reached")?;
        self.keep_cookies(url, &response);
        if let Some(target) = response.headers().get(LOCATION) {
            return Ok(Hop::To(url.join(target.to_str()?)?));
        }
        let status = response.status().as_u16();
        Ok(Hop::Page(Seen { url: url.clone(), status, body: response.text().await? }))
    }

    fn cookies_for(&self, url: &Url) -> String {
        let cookies = self.cookies.get(&place(url)).into_iter().flatten();
        cookies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep_cookies(&mut self, url: &Url, response: &reqwest::Response) {
        let jar = self.cookies.entry(place(url)).or_default();
        for cookie in response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                jar.insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

impl Seen {
    /// The address behind the first link or form whose address contains this text.
    ///
    /// # Errors
    /// Where there is none.
    pub fn address(&self, containing: &str) -> anyhow::Result<Url> {
        let page = Html::parse_document(&self.body);
        let links = selector("a[href], form[action]")?;
        let mut addresses =
            page.select(&links).filter_map(|element| element.attr("href").or_else(|| element.attr("action")));
        let found = addresses.find(|address| address.contains(containing));
        let found =
            found.ok_or_else(|| anyhow!("the page {} leads nowhere with {containing:?}", self.url.path()))?;
        Ok(self.url.join(found)?)
    }

    /// What a browser would send of the form that has this field, unless a person changes something.
    ///
    /// # Errors
    /// Where no form has such a field.
    pub fn form_with(&self, field: &str) -> anyhow::Result<Form> {
        let fields = selector(FIELDS)?;
        self.form(field, |form| form.select(&fields).any(|element| element.attr("name") == Some(field)))
    }

    /// What a browser would send of the form whose address contains this text.
    ///
    /// # Errors
    /// Where there is no such form.
    pub fn form_to(&self, address: &str) -> anyhow::Result<Form> {
        self.form(address, |form| form.attr("action").is_some_and(|action| action.contains(address)))
    }

    fn form(&self, what: &str, fits: impl Fn(&ElementRef<'_>) -> bool) -> anyhow::Result<Form> {
        let page = Html::parse_document(&self.body);
        let forms = selector("form")?;
        let form = page.select(&forms).find(fits);
        let form = form.ok_or_else(|| anyhow!("the page {} has no form with {what:?}", self.url.path()))?;
        let target = self.url.join(form.attr("action").unwrap_or_default())?;
        let values = form.select(&selector(FIELDS)?).filter_map(value_sent).collect();
        Ok(Form { target, values })
    }

    /// Refuses anything but a page that was found.
    ///
    /// # Errors
    /// Where the status is none of success.
    pub fn ok(self) -> anyhow::Result<Self> {
        match self.status {
            200..=299 => Ok(self),
            status => bail!("the page {} answers {status}: {}", self.url.path(), text_of(&self.body)),
        }
    }
}

/// What a form sends.
const FIELDS: &str = "input[name], select[name], textarea[name], button[name]";

/// A form as it would be sent.
pub struct Form {
    /// Where it goes.
    pub target: Url,
    /// Names and values, in order.
    pub values: Vec<(String, String)>,
}

impl Form {
    /// Fills a field in.
    #[must_use]
    pub fn with(mut self, field: &str, text: &str) -> Self {
        let fields = self.values.iter_mut().filter(|(name, _)| name == field);
        fields.for_each(|(_, value)| *value = text.to_owned());
        self
    }

    /// Presses a button.
    #[must_use]
    pub fn pressing(mut self, button: &str, value: &str) -> Self {
        self.values.push((button.to_owned(), value.to_owned()));
        self
    }
}

fn value_sent(element: ElementRef<'_>) -> Option<(String, String)> {
    let name = element.attr("name")?.to_owned();
    let value = match (element.value().name(), element.attr("type")) {
        ("select", _) => chosen_option(element)?,
        ("textarea", _) => element.text().collect(),
        ("input", Some("checkbox" | "radio")) => {
            element.attr("checked")?;
            element.attr("value").unwrap_or("on").to_owned()
        }
        // A button is sent only where it is pressed.
        ("button", _) => return None,
        _ => element.attr("value").unwrap_or_default().to_owned(),
    };
    Some((name, value))
}

fn chosen_option(select: ElementRef<'_>) -> Option<String> {
    let options: Vec<ElementRef<'_>> = select.select(&selector("option").ok()?).collect();
    let chosen =
        options.iter().find(|option| option.attr("selected").is_some()).or_else(|| options.first())?;
    Some(chosen.attr("value").map_or_else(|| chosen.text().collect(), str::to_owned))
}

/// What a person would read of an error page.
fn text_of(body: &str) -> String {
    let page = Html::parse_document(body);
    let words = page.root_element().text().flat_map(str::split_whitespace);
    words.take(80).collect::<Vec<_>>().join(" ")
}

fn selector(text: &str) -> anyhow::Result<Selector> {
    Selector::parse(text).map_err(|error| anyhow!("{text:?} is no selector: {error}"))
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}
