//! Figure 6: the dialog `Выбор ключевого носителя`.

use anyhow::{Context, Result, bail};
use thirtyfour::WebElement;

use crate::Browser;

/// The dialog's name.
pub const DIALOG: &str = "Выбор ключевого носителя";

/// Waits for the dialog.
///
/// # Errors
/// It does not open.
pub async fn arrive(browser: &Browser) -> Result<WebElement> {
    browser.find("dialog", DIALOG).await
}

/// Waits until the list has a line with a text: a token's label, or `нет носителя`.
///
/// # Errors
/// It does not appear.
pub async fn lists(browser: &Browser, text: &str) -> Result<()> {
    browser.find("listbox", "Устройства").await?;
    browser.read(text).await
}

/// Chooses the token that has a label, and presses `ОК`.
///
/// # Errors
/// There is no such token, or it cannot be chosen.
pub async fn choose(browser: &Browser, label: &str) -> Result<()> {
    lists(browser, label).await?;
    browser.click("button", "ОК").await?;
    browser.gone("dialog", DIALOG).await
}

/// Points at the token that has a label, and chooses it thereby.
///
/// # Errors
/// There is no such token.
pub async fn point_at(browser: &Browser, label: &str) -> Result<()> {
    lists(browser, label).await?;
    for option in browser.look(None, "option", None).await? {
        if option.text().await?.contains(label) {
            return option.click().await.context("click on the token");
        }
    }
    bail!("no token is called {label}")
}
