//! Figures 1 to 3: `Авторизация`.

use anyhow::Result;

use crate::Browser;

/// Types a telephone number and asks for a password.
///
/// # Errors
/// The screen is another.
pub async fn order_password(browser: &Browser, phone: &str) -> Result<()> {
    browser.type_into("Номер телефона", phone).await?;
    browser.click("button", "Получить пароль").await?;
    browser.find("textbox", "Пароль из смс").await.map(drop)
}

/// Types a password and presses the button; what follows depends on the password.
///
/// # Errors
/// The screen is another.
pub async fn enter_password(browser: &Browser, password: &str) -> Result<()> {
    browser.type_into("Пароль из смс", password).await?;
    browser.click("button", "Войти").await
}
