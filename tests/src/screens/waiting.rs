//! Figure 10: the request is sent, and the authority works.

use anyhow::Result;

use crate::Browser;

/// Waits for the screen.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("heading", "Запрос отправлен").await.map(drop)
}
