//! Figure 8: the PIN, and what becomes of the key pair when something goes wrong.

use std::rc::Rc;

use anyhow::Result;
use qcert_journeys::{
    Journey, Portal, Software, Workstation,
    journey::PHONE,
    screens::{confirmation, data, devices, pin_window},
    token::{FACTORY_PIN, PIN},
};

#[tokio::test]
async fn a_wrong_pin_says_what_the_token_tells_and_the_right_one_goes_on() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("lock-after 3")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, "11111111").await?;
    journey.browser.read("Неверный PIN-код.").await?;
    journey.browser.read("Осталось мало попыток").await?;
    pin_window::type_pin(&journey.browser, "22222222").await?;
    journey.browser.read("Осталась последняя попытка").await?;
    pin_window::type_pin(&journey.browser, PIN).await?;
    pin_window::key_code(&journey.browser).await?;
    journey.browser.to_page().await?;
    confirmation::arrive(&journey.browser).await
}

#[tokio::test]
async fn a_token_that_locks_says_so_and_is_not_chosen_by_itself_any_more() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("lock-after 1")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, "11111111").await?;
    journey.browser.read("Носитель заблокирован").await?;
    journey.browser.click("button", "Закрыть").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("pin_locked").await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, "Pin-код носителя заблокирован.").await?;
    let ok = journey.browser.find("button", "ОК").await?;
    assert!(journey.browser.disabled(&ok).await?);
    Ok(())
}

#[tokio::test]
async fn a_factory_pin_is_told_apart_and_can_be_changed_before_the_key_is_made() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let portal = Rc::new(Portal::start(&directory.path().join("portal"), &[])?);
    let computer =
        Workstation::set_up_with(&directory.path().join("computer"), &portal, FACTORY_PIN, Software::usual())?;
    let mut journey = Journey::sit_down(portal, computer, PHONE).await?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, FACTORY_PIN).await?;
    journey.browser.read("Это заводской PIN-код").await?;
    journey.browser.click("button", "Сменить PIN-код").await?;
    journey.browser.type_into("Новый Pin-код", PIN).await?;
    journey.browser.type_into("Повторите новый Pin-код", PIN).await?;
    journey.browser.click("button", "Сменить").await?;
    pin_window::key_code(&journey.browser).await?;
    assert_eq!(journey.computer.token.contents(PIN)?.private_keys.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_window_leaves_nothing_on_the_token() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;
    journey.browser.click("button", "Отмена").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("Вы отменили действие.").await?;
    assert!(journey.token_contents()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_cancel_while_the_key_is_made_removes_the_pair() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("generation-delay 1500")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    pin_window::works_at(&journey.browser, "Создание ключа на носителе").await?;
    journey.browser.click("button", "Отмена").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("Вы отменили действие.").await?;
    assert!(journey.token_contents()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_cancelled_request_takes_its_key_pair_along() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    journey.browser.click("button", "Отменить запрос").await?;
    let dialog = journey.browser.find("dialog", "Отменить запрос").await?;
    journey.browser.click_in(Some(&dialog), "button", Some("Отменить запрос")).await?;
    journey.confirm_removal().await?;
    data::arrive(&journey.browser).await?;
    assert!(journey.token_contents()?.is_empty());
    Ok(())
}
