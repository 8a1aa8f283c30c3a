//! Two browsers: an operator makes a link, somebody without an account here consents by it, the operator looks at what
//! works and accepts; then the consent lapses, and the operator sees and acknowledges it.

use purser_simulator::{Faults, Simulator};
use thirtyfour::prelude::*;

use super::{Page, sign_in};

/// Walks it; `page` is the operator's browser, `guest` the other's.
pub(super) async fn walk(page: &Page<'_>, guest: &Page<'_>, vendor: &Simulator) -> WebDriverResult<()> {
    sign_in(page).await?;
    page.open("/connectors/microsoft-csp/settings").await?;
    page.press("Hand over").await?;
    let link = page.find(By::Id("hand-over-link")).await?.value().await?.unwrap_or_default();
    page.picture("hand-over-made").await?;

    guest.browser.goto(&link).await?;
    guest.says("You are asked to consent").await?;
    guest.picture("hand-over").await?;
    guest.narrow().await?;
    guest.picture("hand-over-narrow").await?;
    guest.follow("Login with your Microsoft Account").await?;
    guest.find(By::Css("button[value=service]")).await?.click().await?;
    guest.says("You signed in as").await?;
    guest.picture("hand-over-confirm").await?;
    guest.press("Yes").await?;
    guest.says("Thank you").await?;
    guest.picture("hand-over-done").await?;
    guest.browser.goto(&link).await?;
    guest.says("WEB-HAND-OVER-USED").await?;

    page.open("/connectors/microsoft-csp/settings").await?;
    page.says("Waits for your decision").await?;
    page.picture("hand-over-waits").await?;
    page.press("Accept").await?;
    page.says("Preflight").await?;
    lapse(page, vendor).await
}

async fn lapse(page: &Page<'_>, vendor: &Simulator) -> WebDriverResult<()> {
    vendor.set_faults(Faults { role_missing: true, ..Faults::default() });
    page.open("/connectors/microsoft-csp/accounts/1/preflight").await?;
    page.press("Test connection").await?;
    page.says("The connection was tested just now").await?;
    page.picture("preflight-lapsed").await?;
    // Told with the next look, within a minute.
    page.open("/").await?;
    for _ in 0..180 {
        if page.browser.query(By::XPath("//button[.='Acknowledge']")).nowait().exists().await? {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        page.open("/").await?;
    }
    page.picture("dashboard-notice").await?;
    page.press("Acknowledge").await?;
    page.find(By::XPath("//main//p[contains(., 'acknowledged by admin')]")).await?;
    page.open("/connectors/microsoft-csp/accounts/1").await?;
    page.find(By::XPath("//main//dd[contains(., 'expires if unused by')]")).await?;
    page.picture("account-consent").await?;
    page.narrow().await?;
    page.picture("account-consent-narrow").await
}
