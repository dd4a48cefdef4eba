//! A person leaves at any step and comes back to the same point, with nothing lost and nothing done twice.

use anyhow::Result;
use qcert_journeys::{
    Journey,
    journey::TOKEN,
    screens::{confirmation, data, devices, installation, list, sign_in},
};

#[tokio::test]
async fn a_page_that_is_loaded_again_stands_where_it_stood() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    let password = journey.order_password().await?;
    journey.browser.reload().await?;
    sign_in::enter_password(&journey.browser, &password).await?;
    list::arrive(&journey.browser).await?;
    journey.browser.reload().await?;
    journey.open_first().await?;
    journey.browser.reload().await?;
    data::arrive(&journey.browser).await?;

    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, TOKEN).await?;
    journey.browser.reload().await?;
    data::arrive(&journey.browser).await?;

    let key_code = journey.make_request().await?;
    journey.browser.reload().await?;
    confirmation::arrive(&journey.browser).await?;
    journey.browser.read(&key_code).await?;
    journey.confirm(&key_code).await?;
    journey.wait_for_certificate().await?;
    journey.browser.reload().await?;
    journey.install().await?;
    journey.browser.reload().await?;
    installation::installed(&journey.browser).await?;
    assert_eq!(journey.portal.messages(&journey.number()).len(), 2, "nothing was sent twice");
    assert_eq!(journey.token_contents()?.private_keys.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_page_that_is_left_while_the_pin_is_asked_closes_the_window_and_leaves_no_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;
    journey.browser.to_page().await?;
    journey.browser.reload().await?;
    journey.browser.extension_closed().await?;
    data::arrive(&journey.browser).await?;
    assert!(journey.token_contents()?.is_empty());
    journey.make_request().await?;
    Ok(())
}

#[tokio::test]
async fn a_person_who_comes_back_in_a_new_browser_goes_on_where_they_left() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    let key_code = journey.make_request().await?;
    let (old_password, _) = journey.next_password().await?;

    // A new session: the same request, and a code of its own.
    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "запрос готовится", "продолжить").await?;
    confirmation::arrive(&journey.browser).await?;
    journey.browser.read(&key_code).await?;
    let (password, message) = journey.next_password().await?;
    assert!(message.contains(&key_code));
    if password != old_password {
        confirmation::send(&journey.browser, &old_password).await?;
        journey.browser.read("Пароль неверный.").await?;
    }
    confirmation::send(&journey.browser, &password).await?;
    journey.wait_for_certificate().await?;

    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "готов к установке", "установить").await?;
    journey.enter_pin_to_install().await?;
    installation::installed(&journey.browser).await?;

    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::row(&journey.browser, "сертификат установлен").await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1);
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session_and_signing_in_shows_the_same_state() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    journey.next_password().await?;
    journey.browser.click("button", "Выйти").await?;
    journey.browser.find("textbox", "Номер телефона").await?;
    journey.browser.reload().await?;
    journey.sign_in().await?;
    list::row(&journey.browser, "запрос готовится").await?;
    Ok(())
}

#[tokio::test]
async fn signing_out_on_all_devices_ends_the_session_of_this_one() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.browser.click("button", "Выйти на всех устройствах").await?;
    journey.browser.find("textbox", "Номер телефона").await?;
    journey.browser.reload().await?;
    journey.browser.find("textbox", "Номер телефона").await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_restarted_goes_on_with_the_same_session_and_request() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    let (password, _) = journey.next_password().await?;
    journey.portal.stop();
    journey.portal.resume()?;
    confirmation::send(&journey.browser, &password).await?;
    journey.wait_for_certificate().await
}

#[tokio::test]
async fn a_closed_key_code_window_does_not_lose_the_request() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;
    let key_code = journey.enter_pin().await?;
    journey.browser.close_window().await?;
    confirmation::arrive(&journey.browser).await?;
    journey.confirm(&key_code).await?;
    journey.wait_for_certificate().await
}
