//! Figure 5: `Получение сертификата`, the data to check.

use anyhow::{Result, bail};

use crate::Browser;

/// The names of the table's lines, in their order.
pub const FIELDS: [&str; 13] = [
    "ФИО",
    "Город",
    "Регион",
    "Страна",
    "Эл. почта",
    "СНИЛС",
    "ИНН-КПП",
    "ОГРН",
    "РН ФСС",
    "Название организации",
    "Подразделение",
    "Должность",
    "Тип сертификата",
];

/// Waits for the screen.
///
/// # Errors
/// The screen stays another.
pub async fn arrive(browser: &Browser) -> Result<()> {
    browser.find("button", "Получить сертификат").await.map(drop)
}

/// What the table says of a field.
///
/// # Errors
/// The table has no such line.
pub async fn value(browser: &Browser, field: &str) -> Result<String> {
    for row in browser.look(None, "row", None).await? {
        if !browser.look(Some(&row), "rowheader", Some(field)).await?.is_empty() {
            return Ok(row.text().await?.replacen(field, "", 1).trim().to_owned());
        }
    }
    bail!("the table has no line {field}")
}

/// Presses `Получить сертификат`.
///
/// # Errors
/// The screen is another.
pub async fn get_certificate(browser: &Browser) -> Result<()> {
    browser.click("button", "Получить сертификат").await
}
