//! Figure 9: `Запрос сертификата`, confirmed by the second password.

use anyhow::Result;

use crate::Browser;

/// Waits for the screen.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("heading", "Запрос сертификата").await?;
    browser.find("textbox", "Пароль из смс").await.map(drop)
}

/// Types a password and presses `Отправить`; what follows depends on the password.
///
/// # Errors
/// The screen is another.
pub async fn send(browser: &Browser, password: &str) -> Result<()> {
    browser.type_into("Пароль из смс", password).await?;
    browser.click("button", "Отправить").await
}
