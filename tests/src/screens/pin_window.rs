//! Figure 8: the window of the extension, the only place where a PIN is typed.

use anyhow::Result;

use crate::Browser;

/// Waits for the window and types the PIN; what follows depends on the PIN.
///
/// # Errors
/// The window does not open or asks for something else.
pub async fn enter(browser: &Browser, pin: &str) -> Result<()> {
    browser.to_extension("textbox", "Pin-код").await?;
    type_pin(browser, pin).await
}

/// Types the PIN into the window that is looked at.
///
/// # Errors
/// The window asks for something else.
pub async fn type_pin(browser: &Browser, pin: &str) -> Result<()> {
    browser.type_into("Pin-код", pin).await?;
    browser.click("button", "ОК").await
}

/// Waits until the window says that the token is at a stage of the work; it lists all of them from the beginning.
///
/// # Errors
/// It does not get there.
pub async fn works_at(browser: &Browser, stage: &str) -> Result<()> {
    let there = async || {
        for item in browser.look(None, "listitem", None).await? {
            if item.attr("aria-current").await?.is_some() && item.text().await? == stage {
                return Ok(Some(()));
            }
        }
        Ok(None)
    };
    browser.until(&format!("the stage {stage}"), there).await
}

/// Keeps the factory's PIN, when the window offers to change it.
///
/// # Errors
/// It does not offer that.
pub async fn keep_factory_pin(browser: &Browser) -> Result<()> {
    browser.click("button", "Оставить заводской").await
}

/// Says that the locked PIN shall be replaced.
///
/// # Errors
/// The window does not offer that.
pub async fn offer_unblocking(browser: &Browser) -> Result<()> {
    browser.read("Носитель заблокирован").await?;
    browser.click("button", "Разблокировать").await
}

/// Types the administrator's PIN, and a new one.
///
/// # Errors
/// The window asks for something else.
pub async fn unblock(browser: &Browser, so_pin: &str, new_pin: &str) -> Result<()> {
    browser.type_into("Pin-код администратора", so_pin).await?;
    browser.type_into("Новый Pin-код", new_pin).await?;
    browser.type_into("Повторите новый Pin-код", new_pin).await?;
    browser.click("button", "Задать PIN-код").await
}

/// Waits for the key's code, `ABCDE-FGHIJ`.
///
/// # Errors
/// It is not shown.
pub async fn key_code(browser: &Browser) -> Result<String> {
    browser.find("heading", "Код ключа").await?;
    let code = browser.find_in(None, "status", None).await?;
    Ok(code.text().await?)
}
