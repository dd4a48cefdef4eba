//! Figure 4: `Выбор сертификата`.

use anyhow::{Result, bail};
use thirtyfour::WebElement;

use crate::Browser;

/// Waits for the list.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("heading", "Выбор сертификата").await?;
    browser.find("table", "Выбор сертификата").await.map(drop)
}

/// The texts of all rows but the head.
///
/// # Errors
/// The screen is another.
pub async fn rows(browser: &Browser) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for row in browser.look(None, "row", None).await?.into_iter().skip(1) {
        texts.push(row.text().await?);
    }
    Ok(texts)
}

/// Waits for the row that has a text, as `6673…` or `готов к установке`.
///
/// # Errors
/// There is none.
pub async fn row(browser: &Browser, text: &str) -> Result<WebElement> {
    arrive(browser).await?;
    for row in browser.look(None, "row", None).await? {
        if row.text().await?.contains(text) {
            return Ok(row);
        }
    }
    bail!("no row has “{text}”; there are {:?}", rows(browser).await?)
}

/// Presses a button in the row that has a text.
///
/// # Errors
/// There is no such row, or it has no such button.
pub async fn press(browser: &Browser, text: &str, button: &str) -> Result<()> {
    let row = row(browser, text).await?;
    browser.click_in(Some(&row), "button", Some(button)).await
}
