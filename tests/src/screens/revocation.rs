//! The dialog `Отозвать сертификат`, on the screens of figures 11 and 12.

use anyhow::Result;

use crate::Browser;

/// The dialog's name, and that of the button that opens it.
pub const DIALOG: &str = "Отозвать сертификат";

/// Opens the dialog.
///
/// # Errors
/// The screen is another.
pub async fn open(browser: &Browser) -> Result<()> {
    browser.click("button", DIALOG).await?;
    browser.find("dialog", DIALOG).await.map(drop)
}

/// Chooses a reason and orders the password for it; what follows depends on the portal.
///
/// # Errors
/// The dialog is not open, or has no such reason.
pub async fn order_password(browser: &Browser, reason: &str) -> Result<()> {
    browser.click("radio", reason).await?;
    browser.click("button", "Получить пароль").await
}

/// Types a password and presses `Отозвать сертификат`; what follows depends on the password.
///
/// # Errors
/// The dialog asks for something else.
pub async fn enter(browser: &Browser, password: &str) -> Result<()> {
    browser.type_into("Пароль из смс", password).await?;
    let dialog = browser.find("dialog", DIALOG).await?;
    browser.click_in(Some(&dialog), "button", Some(DIALOG)).await
}
