//! The whole journey in a real browser: sign-in → consent → Locale → run → Purchases → Explain, by the menu and the
//! buttons a person uses. Leaves a picture of each page in the target directory, for people to look at.

mod hand_over;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use purser_simulator::{Config, Faults, Simulator};
use purser_store::People as _;
use purser_store::people::{Role, User};
use purser_store_sqlite::SqliteStore;
use thirtyfour::prelude::*;
use url::Url;

use crate::Gated;
use crate::support::free_port;
use crate::world::{Data, World, wait_for};

const NAME: &str = "admin";
const PASSWORD: &str = "correct horse battery";

/// The journeys, where a browser and its driver are there.
pub fn all() -> Vec<Gated> {
    let missing = || ["chromium", "chromedriver"].into_iter().find(|program| !crate::is_installed(program));
    let gated = |name: &str, run: fn() -> Result<(), Failed>| Gated {
        name: name.into(),
        unmet: missing().map(|program| format!("{program} is not installed")),
        run: Box::new(run),
    };
    vec![
        gated(
            "a_person_signs_in_consents_chooses_dutch_runs_explains_a_purchase_and_keeps_the_books",
            journey,
        ),
        gated("somebody_without_an_account_consents_by_a_link_and_an_operator_accepts_it", handed_over),
    ]
}

fn journey() -> Result<(), Failed> {
    walked(async |page, _, vendor| walk(page, vendor).await)
}

fn handed_over() -> Result<(), Failed> {
    walked(async |page, guest, vendor| hand_over::walk(page, guest, vendor).await)
}

/// Lets a story happen in two browsers that know nothing of each other, before a server of its own.
fn walked(
    story: impl AsyncFnOnce(&Page<'_>, &Page<'_>, &Simulator) -> WebDriverResult<()>,
) -> Result<(), Failed> {
    let world = World::new(Config { customers: 6, ..Config::default() });
    let data = world.empty_data();
    world.runtime.block_on(add_admin(&data));
    let base: Url = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
    world.simulator.register_redirect_uri(format!("{base}connectors/microsoft-csp/consent/callback/global"));
    let _server = world.serve_at(&data, &base, |_| {});
    let (driver, other) = (Driver::start(), Driver::start());
    let walked = world.runtime.block_on(async {
        let (browser, guest) = (driver.browser().await, other.browser().await);
        let (page, second) = (Page { browser: &browser, base: &base }, Page { browser: &guest, base: &base });
        let walked = story(&page, &second, &world.simulator).await;
        browser.quit().await.ok();
        guest.quit().await.ok();
        walked
    });
    walked.map_err(|error| Failed::from(error.to_string()))
}

async fn add_admin(data: &Data) {
    let store = SqliteStore::open(&data.path().join("purser.db")).await.unwrap();
    let password_hash = purser_web::hash_password(PASSWORD).unwrap();
    store.add_user(&User::new(NAME, password_hash, Role::Admin)).await.unwrap();
}

async fn sign_in(page: &Page<'_>) -> WebDriverResult<()> {
    page.open("/sign-in").await?;
    page.picture("sign-in").await?;
    page.fill("name", NAME).await?;
    page.fill("password", PASSWORD).await?;
    page.press("Sign in").await?;
    page.says("Sign out").await
}

async fn walk(page: &Page<'_>, vendor: &Simulator) -> WebDriverResult<()> {
    sign_in(page).await?;
    page.press("Connectors").await?;
    let settings = page.find(By::Css("nav a[href='/connectors/microsoft-csp/settings']")).await?;
    settings.wait_until().displayed().await?;
    settings.click().await?;
    page.picture("connector-settings").await?;
    page.follow("Login with your Microsoft Account").await?;
    page.picture("vendor-sign-in").await?;
    page.find(By::Css("button[value=service]")).await?.click().await?;
    page.says("You signed in as").await?;
    page.picture("confirm").await?;
    page.press("Yes, connect").await?;
    page.says("Preflight").await?;
    page.picture("preflight").await?;

    page.follow("Choose the Locale").await?;
    page.find(By::Css("#locale option[value='nl-NL']")).await?.click().await?;
    page.press("Save").await?;
    page.says("It applies from the next retrieval").await?;
    page.picture("account").await?;

    page.open("/connectors/microsoft-csp/accounts/1/preflight").await?;
    page.press("Run now").await?;
    page.picture("run-live").await?;
    page.says("Succeeded").await?;
    page.picture("run").await?;

    page.press("Purchases").await?;
    page.follow("All Purchases").await?;
    page.open("/purchases?feed=rated-usage").await?;
    page.says("EUR").await?;
    page.picture("purchases").await?;
    page.find(By::Css("table tbody a[href^='/purchases/']")).await?.click().await?;
    page.says("Records as received").await?;
    page.picture("explain").await?;
    for (path, name) in
        [("/", "dashboard"), ("/activity", "activity"), ("/plugins", "plugins"), ("/audit", "audit")]
    {
        page.open(path).await?;
        page.picture(name).await?;
    }
    keep_the_books(page).await?;
    wait_for_customers(page).await?;
    refuse_what_is_wrong(page).await?;
    decide_what_vanished(page, vendor).await
}

/// The account's customers wait for a mapping: what they used is billed to nobody, and one of them is ignored.
async fn wait_for_customers(page: &Page<'_>) -> WebDriverResult<()> {
    page.open("/connectors/microsoft-csp/accounts/1").await?;
    page.find(By::Css("#locale option[value='fr-FR']")).await?.click().await?;
    page.says("fr-FR").await?;
    page.picture("names-preview").await?;
    page.find(By::Css("#locale option[value='nl-NL']")).await?.click().await?;
    page.find(By::Css("select[name=unmapped_customers] option[value=wait]")).await?.click().await?;
    page.press("Save").await?;
    page.says("It applies from the next retrieval").await?;
    page.open("/purchases/unmapped").await?;
    page.says("Without a customer").await?;
    page.picture("unmapped").await?;
    page.follow("Map or ignore it").await?;
    page.picture("customer-unmapped").await?;
    page.open("/connectors/microsoft-csp/coverage").await?;
    page.says("Azure plan usage").await?;
    page.picture("coverage").await
}

/// What a person gets wrong is told beside it, and nothing is changed.
async fn refuse_what_is_wrong(page: &Page<'_>) -> WebDriverResult<()> {
    page.open("/connectors/microsoft-csp/customers/import").await?;
    page.fill("csv", "nonsense\n1,2,3\n").await?;
    page.press("Show what it would do").await?;
    page.says("Nothing was imported").await?;
    page.picture("customers-import-refused").await?;
    page.open("/reconciliation/row?account=1&month=2026-10&currency=EUR&scope=nobody").await?;
    page.says("WEB-NOT-FOUND").await?;
    page.picture("not-found").await
}

/// The vendor suddenly shows nothing any more: nothing is voided until a person says so.
async fn decide_what_vanished(page: &Page<'_>, vendor: &Simulator) -> WebDriverResult<()> {
    vendor.set_faults(Faults { vanish_all: true, ..Faults::default() });
    page.open("/connectors/microsoft-csp/accounts/1/preflight").await?;
    page.press("Run now").await?;
    page.says("Succeeded with warnings").await?;
    page.open("/purchases/vanished").await?;
    page.says("What to do").await?;
    page.picture("vanished").await?;
    page.press("Keep them for now").await?;
    page.says("stay as they are").await?;
    page.press("Void all").await?;
    page.says("are void now").await?;
    page.picture("vanished-decided").await?;
    page.open("/").await?;
    page.says("Needs attention").await?;
    page.picture("dashboard-attention").await
}

/// What a billing administrator does after the run: whose customers are whose, the invoice, the month.
async fn keep_the_books(page: &Page<'_>) -> WebDriverResult<()> {
    // Nothing waits yet: customers go by the vendor's id, and nothing has vanished.
    for (path, words, name) in [
        ("/purchases/unmapped", "Everything that was retrieved has a customer", "unmapped-empty"),
        ("/purchases/vanished", "Nothing waits", "vanished-empty"),
    ] {
        page.open(path).await?;
        page.says(words).await?;
        page.picture(name).await?;
    }
    page.open("/connectors/microsoft-csp/customers/import").await?;
    page.find(By::Css("option[value=ours]")).await?.click().await?;
    page.fill("csv", "code,name\nK-17,Zonnedijk Zorg\n").await?;
    page.press("Show what it would do").await?;
    page.picture("customers-import").await?;
    page.press("Import").await?;
    page.says("same name").await?;
    page.picture("customers-suggested").await?;
    page.find(By::Css("input[name=choose]")).await?.click().await?;
    page.press("Map the chosen").await?;
    page.says("1 customers were mapped").await?;
    page.follow("Zonnedijk Zorg").await?;
    page.says("our customer K-17").await?;
    page.picture("customer").await?;

    page.open("/reconciliation?month=2026-10").await?;
    page.says("quantity-only").await?;
    page.picture("reconciliation").await?;
    page.find(By::Css("a[href^='/reconciliation/row']")).await?.click().await?;
    page.says("Lines of the invoice").await?;
    page.picture("reconciliation-row").await?;
    page.open("/reconciliation?month=2025-01").await?;
    page.says("Nothing of 2025-01 was retrieved").await?;

    page.open("/periods").await?;
    page.picture("periods").await?;
    page.press("Close").await?;
    page.says("2026-10 is closed").await?;
    page.picture("periods-closed").await?;

    page.open("/connectors/microsoft-csp/texts?locale=de-DE").await?;
    page.says("Missing in de-DE").await?;
    page.picture("texts").await?;
    page.find(By::Css("table tbody a")).await?.click().await?;
    page.fill("name", "Eigener Name").await?;
    page.press("Save").await?;
    page.says("Eigener Name").await?;
    page.picture("text").await?;

    page.open("/purchases?feed=rated-usage").await?;
    page.find(By::Css("table tbody a[href^='/purchases/']")).await?.click().await?;
    page.find(By::Css("a[href^='/records/']")).await?.click().await?;
    page.says("It is part of").await?;
    page.picture("record").await
}

/// What a person does on a page.
struct Page<'a> {
    browser: &'a WebDriver,
    base: &'a Url,
}

impl Page<'_> {
    async fn open(&self, path: &str) -> WebDriverResult<()> {
        self.browser.goto(self.base.join(path).unwrap().as_str()).await
    }

    async fn find(&self, by: By) -> WebDriverResult<WebElement> {
        self.browser.query(by).wait(Duration::from_secs(60), Duration::from_millis(100)).first().await
    }

    async fn fill(&self, field: &str, text: &str) -> WebDriverResult<()> {
        self.find(By::Name(field)).await?.send_keys(text).await
    }

    async fn press(&self, button: &str) -> WebDriverResult<()> {
        let path = format!(
            "//main//button[contains(normalize-space(.), '{button}')] | //nav//button[normalize-space(.)='{button}']"
        );
        self.find(By::XPath(path)).await?.click().await
    }

    async fn follow(&self, link: &str) -> WebDriverResult<()> {
        let path = format!("//a[normalize-space(.)='{link}']");
        let link = self.find(By::XPath(path)).await?;
        link.wait_until().displayed().await?;
        link.click().await
    }

    async fn says(&self, words: &str) -> WebDriverResult<()> {
        self.find(By::XPath(format!("//body//*[contains(text(), '{words}')]"))).await.map(|_| ())
    }

    /// As on a telephone.
    async fn narrow(&self) -> WebDriverResult<()> {
        self.browser.set_window_rect(0, 0, 500, 1_400).await
    }

    async fn picture(&self, name: &str) -> WebDriverResult<()> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&folder)?;
        self.browser.screenshot(&folder.join(format!("{name}.png"))).await
    }
}

/// A running chromedriver.
struct Driver {
    child: Child,
    url: String,
    profile: tempfile::TempDir,
}

impl Driver {
    fn start() -> Self {
        let port = free_port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("chromedriver", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { child, url: format!("http://127.0.0.1:{port}"), profile: tempfile::tempdir().unwrap() }
    }

    async fn browser(&self) -> WebDriver {
        let mut wanted = DesiredCapabilities::chrome();
        let profile: PathBuf = self.profile.path().to_path_buf();
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
        ];
        for flag in flags {
            wanted.add_arg(flag).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
        WebDriver::new(&self.url, wanted).await.unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
