//! Figures 11 and 12: `Установка сертификата`.

use anyhow::Result;

use crate::Browser;

/// Waits until the certificate is issued, on the application's own screen.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("button", "установить").await.map(drop)
}

/// Presses `установить`.
///
/// # Errors
/// The screen is another.
pub async fn install(browser: &Browser) -> Result<()> {
    browser.click("button", "установить").await
}

/// Waits until the certificate is installed.
///
/// # Errors
/// It does not get there.
pub async fn installed(browser: &Browser) -> Result<()> {
    browser.read("сертификат установлен").await?;
    browser.find("link", "Скачать").await.map(drop)
}
