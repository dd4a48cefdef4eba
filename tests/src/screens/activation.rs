//! Figure 5, where the authority asks for an activation code first.

use anyhow::Result;

use crate::Browser;

/// Waits for the screen: the data are there, and the code is asked for.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("textbox", "Код активации").await.map(drop)
}

/// Types a code and sends it.
///
/// # Errors
/// The screen is another.
pub async fn enter(browser: &Browser, code: &str) -> Result<()> {
    browser.type_into("Код активации", code).await?;
    browser.click("button", "Активировать").await
}
