//! The journey's figures, one picture each.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use qcert_journeys::{
    Journey,
    journey::TOKEN,
    screens::{confirmation, data, devices, installation, list, pin_window, sensor, sign_in, waiting},
    stopwatch::Stopwatch,
};

/// Walks from the first page to the installed certificate, and returns the key's code.
///
/// # Errors
/// Some step does not come.
pub async fn walk(mut journey: Journey, out: &Path, stopwatch: &mut Stopwatch) -> Result<(Journey, String)> {
    stopwatch.time("open the page", workstation_is_ready(&journey, out)).await?;
    let password = stopwatch.time("ask for a password", order_password(&mut journey, out)).await?;
    stopwatch.time("type a wrong password", wrong_password(&journey, &password, out)).await?;
    stopwatch.time("sign in", sign_in(&journey, &password, out)).await?;
    stopwatch.time("look at the data", open_data(&journey, out)).await?;
    stopwatch.time("choose the token", choose_token(&journey, out)).await?;
    stopwatch.time("feed the sensor", feed_sensor(&journey, out)).await?;
    let key_code = stopwatch.time("make the key and the request", make_key(&journey, out)).await?;
    let password = stopwatch.time("read the second password", second_password(&mut journey, &key_code, out)).await?;
    stopwatch.time("confirm and send", send(&journey, &password, out)).await?;
    stopwatch.time("wait for the certificate", ready_to_install(&journey, out)).await?;
    stopwatch.time("install the certificate", install(&journey, out)).await?;
    Ok((journey, key_code))
}

async fn picture(journey: &Journey, out: &Path, number: u32) -> Result<()> {
    journey.browser.picture(&out.join(format!("fig-{number:02}.png"))).await
}

async fn workstation_is_ready(journey: &Journey, out: &Path) -> Result<()> {
    journey.browser.find("textbox", "Номер телефона").await?;
    journey.browser.read("Рабочее место готово.").await?;
    journey.browser.type_into("Номер телефона", "89222114545").await?;
    picture(journey, out, 1).await
}

async fn order_password(journey: &mut Journey, out: &Path) -> Result<String> {
    let password = journey.order_password().await?;
    journey.browser.read("можно через").await?;
    picture(journey, out, 2).await?;
    Ok(password)
}

async fn wrong_password(journey: &Journey, password: &str, out: &Path) -> Result<()> {
    let wrong = if password.starts_with('0') { "111111" } else { "000000" };
    sign_in::enter_password(&journey.browser, wrong).await?;
    journey.browser.read("otp_wrong").await?;
    picture(journey, out, 3).await
}

async fn sign_in(journey: &Journey, password: &str, out: &Path) -> Result<()> {
    sign_in::enter_password(&journey.browser, password).await?;
    list::arrive(&journey.browser).await?;
    picture(journey, out, 4).await
}

async fn open_data(journey: &Journey, out: &Path) -> Result<()> {
    journey.open_first().await?;
    for field in data::FIELDS {
        data::value(&journey.browser, field).await?;
    }
    picture(journey, out, 5).await
}

async fn choose_token(journey: &Journey, out: &Path) -> Result<()> {
    data::get_certificate(&journey.browser).await?;
    devices::arrive(&journey.browser).await?;
    devices::lists(&journey.browser, TOKEN).await?;
    picture(journey, out, 6).await?;
    devices::choose(&journey.browser, TOKEN).await
}

async fn feed_sensor(journey: &Journey, out: &Path) -> Result<()> {
    sensor::fill(&journey.browser, 45).await?;
    picture(journey, out, 7).await?;
    sensor::fill(&journey.browser, 100).await
}

async fn make_key(journey: &Journey, out: &Path) -> Result<String> {
    journey.browser.to_extension("textbox", "Pin-код").await?;
    picture(journey, out, 8).await?;
    journey.enter_pin().await?;
    pin_window::key_code(&journey.browser).await
}

async fn second_password(journey: &mut Journey, key_code: &str, out: &Path) -> Result<String> {
    journey.browser.to_page().await?;
    confirmation::arrive(&journey.browser).await?;
    let (password, message) = journey.next_password().await?;
    ensure!(message.contains(key_code), "the text message names another key than the extension's window");
    journey.browser.type_into("Пароль из смс", &password).await?;
    picture(journey, out, 9).await?;
    Ok(password)
}

async fn send(journey: &Journey, password: &str, out: &Path) -> Result<()> {
    confirmation::send(&journey.browser, password).await?;
    waiting::arrive(&journey.browser).await?;
    picture(journey, out, 10).await
}

async fn ready_to_install(journey: &Journey, out: &Path) -> Result<()> {
    journey.wait_for_certificate().await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::row(&journey.browser, "готов к установке").await?;
    picture(journey, out, 11).await
}

async fn install(journey: &Journey, out: &Path) -> Result<()> {
    list::press(&journey.browser, "готов к установке", "установить").await?;
    journey.enter_pin_to_install().await?;
    installation::installed(&journey.browser).await.context("the page does not say that it is installed")?;
    picture(journey, out, 12).await
}
