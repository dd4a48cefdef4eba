//! Figure 8, when the PIN is locked: the token's administrator can replace it in the same window.

use anyhow::{Context, Result};
use qcert_journeys::{
    Journey, Software,
    screens::{confirmation, data, devices, pin_window, sensor},
};
use qcert_test_kryoptic::{SO_PIN, TRIES};

#[tokio::test]
async fn a_locked_pin_is_replaced_in_the_window_and_the_work_goes_on_to_the_request() -> Result<()> {
    a_locked_pin_is_replaced(Software::Chromium).await
}

#[tokio::test]
async fn a_locked_pin_is_replaced_in_the_window_and_the_work_goes_on_to_the_request_in_firefox() -> Result<()> {
    a_locked_pin_is_replaced(Software::Firefox).await
}

async fn a_locked_pin_is_replaced(software: Software) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let exchange = |computer: &mut qcert_journeys::Workstation| {
        computer.exchange_token()?;
        computer.locking_token.as_ref().context("no token of kryoptic")?.take_tries(TRIES - 1)
    };
    let mut journey = Journey::begin_in(software, directory.path(), &[], exchange).await?;
    journey.until_pin_asked().await?;
    journey.browser.read("осталась последняя").await?;
    pin_window::type_pin(&journey.browser, "11111111").await?;
    pin_window::offer_unblocking(&journey.browser).await?;
    pin_window::unblock(&journey.browser, "00000000", "новый код 1").await?;
    journey.browser.read("Неверный PIN-код администратора.").await?;
    pin_window::unblock(&journey.browser, SO_PIN, "новый код 1").await?;
    let code = pin_window::key_code(&journey.browser).await?;
    journey.browser.to_page().await?;
    confirmation::arrive(&journey.browser).await?;
    journey.confirm(&code).await?;
    journey.wait_for_certificate().await?;
    let token = journey.computer.locking_token.as_ref().context("no token of kryoptic")?;
    let keys = token.tool(&["--login", "--pin", "новый код 1", "--list-objects", "--type", "privkey"])?;
    assert_eq!(keys.matches("Private Key Object").count(), 1, "{keys}");
    Ok(())
}

#[tokio::test]
async fn a_token_that_was_locked_before_can_be_chosen_and_is_unblocked_first() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let exchange = |computer: &mut qcert_journeys::Workstation| {
        computer.exchange_token()?;
        computer.locking_token.as_ref().context("no token of kryoptic")?.take_tries(TRIES)
    };
    let mut journey = Journey::begin_with(directory.path(), &[], exchange).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, "Pin-код носителя заблокирован.").await?;
    for option in journey.browser.look(None, "option", None).await? {
        if option.text().await?.contains("заблокирован") {
            option.click().await?;
        }
    }
    journey.browser.click("button", "ОК").await?;
    sensor::fill(&journey.browser, 100).await?;
    journey.browser.to_extension("button", "Разблокировать").await?;
    pin_window::offer_unblocking(&journey.browser).await?;
    pin_window::unblock(&journey.browser, SO_PIN, "новый код 1").await?;
    pin_window::key_code(&journey.browser).await?;
    journey.browser.to_page().await?;
    confirmation::arrive(&journey.browser).await
}
