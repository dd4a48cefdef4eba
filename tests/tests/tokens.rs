//! Figure 6 and the token's own mishaps.

use std::{path::Path, time::Duration};

use anyhow::{Result, bail, ensure};
use qcert_journeys::{
    Journey, Workstation,
    journey::TOKEN,
    programs,
    screens::{confirmation, data, devices, installation, pin_window, sensor},
    token::{PIN, SOFTHSM},
};
use qcert_test_kryoptic as kryoptic;

#[tokio::test]
async fn a_token_plugged_in_and_pulled_out_appears_and_vanishes_while_the_dialog_is_open() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), &[], |computer| computer.token.pull()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::arrive(&journey.browser).await?;
    devices::lists(&journey.browser, "нет носителя").await?;
    let ok = journey.browser.find("button", "ОК").await?;
    assert!(journey.browser.disabled(&ok).await?);
    journey.computer.token.insert()?;
    devices::lists(&journey.browser, TOKEN).await?;
    journey.computer.token.pull()?;
    devices::lists(&journey.browser, "нет носителя").await?;
    journey.computer.token.insert()?;
    devices::choose(&journey.browser, TOKEN).await
}

#[tokio::test]
async fn a_token_pulled_out_while_the_key_is_made_leaves_nothing_and_the_person_can_begin_again() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("generation-delay 60000")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    pin_window::works_at(&journey.browser, "Создание ключа на носителе").await?;
    journey.computer.token.pull()?;
    journey.browser.read("Носитель вынули.").await?;
    journey.browser.click("button", "Закрыть").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("token_removed").await?;

    journey.computer.token.insert()?;
    assert!(journey.token_contents()?.is_empty());
    journey.make_request().await?;
    Ok(())
}

#[tokio::test]
async fn a_pair_that_a_pulled_token_kept_does_not_stay_on_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("pull after-generation")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.read("Носитель вынули.").await?;
    journey.browser.click("button", "Закрыть").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("token_removed").await?;
    journey.computer.token.insert()?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1, "the token kept it");

    journey.make_request().await?;
    confirmation::arrive(&journey.browser).await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1, "only the new one is left");
    Ok(())
}

#[tokio::test]
async fn a_certificate_waits_for_the_token_that_holds_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.computer.token.pull()?;
    journey.browser.read("Вставьте его: страница заметит это сама.").await?;
    installation::install(&journey.browser).await?;
    journey.browser.read("token_missing").await?;
    journey.computer.token.insert()?;
    journey.browser.read("подключён.").await?;
    journey.install().await
}

/// Each module has a token; while the one with the key is away, the other gets nothing.
#[tokio::test]
async fn a_certificate_does_not_go_to_another_modules_token() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let two = |computer: &mut Workstation| {
        computer.locking_token = Some(kryoptic::Token::make(&computer.path(""), "Запасной", PIN)?);
        computer.set_modules(&[programs::built("libqcert_token_shim.so", "qcert-token-shim")?, kryoptic::module()?])
    };
    let mut journey = Journey::begin_with(directory.path(), &[], two).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.computer.token.pull()?;
    journey.browser.read("Запасной").await?;
    installation::install(&journey.browser).await?;
    journey.browser.read("token_mismatch").await?;
    journey.computer.token.insert()?;
    journey.browser.read("подключён.").await?;
    journey.install().await?;
    assert_eq!(journey.token_contents()?.certificates.len(), 1);
    let other = journey.computer.locking_token.as_ref().map(|other| other.tool(&["--login", "--pin", PIN, "-O"]));
    assert!(!other.transpose()?.unwrap_or_default().contains("Certificate Object"));
    Ok(())
}

/// The whole way, on a token of which the dialog says what others can do with the key. Then it lies there complete.
async fn gets_a_certificate(directory: &Path, control: &str, says: &str) -> Result<Journey> {
    let change = |computer: &mut Workstation| computer.token.control(control);
    let mut journey = Journey::begin_with(directory, &[], change).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, TOKEN).await?;
    journey.browser.read(says).await?;
    devices::choose(&journey.browser, TOKEN).await?;
    sensor::fill(&journey.browser, 100).await?;
    journey.from_pin_to_installed().await?;
    journey.browser.click("link", "Содержимое носителя").await?;
    journey.browser.read("действует до").await?;
    ensure!(!journey.browser.text().await?.contains("Ключ ждёт"), "{}", journey.browser.text().await?);
    Ok(journey)
}

/// Rutoken Lite is like that. What the host writes for it is not seen as a key by anybody else.
#[tokio::test]
async fn a_person_gets_a_certificate_on_a_token_that_only_stores() -> Result<()> {
    let says = "другим программам нужен модуль qcert-pkcs11";
    let directory = tempfile::tempdir()?;
    let journey = gets_a_certificate(directory.path(), "mechanisms none\nkeys refused", says).await?;
    let contents = journey.token_contents()?;
    assert!(contents.private_keys.is_empty() && contents.public_keys.is_empty());
    assert_eq!(contents.certificates.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_person_gets_a_certificate_on_a_token_that_takes_a_key_and_makes_none() -> Result<()> {
    let says = "Ключ создаст компьютер, а носитель будет подписывать в любой программе.";
    let directory = tempfile::tempdir()?;
    let journey = gets_a_certificate(directory.path(), "mechanisms no-generation", says).await?;
    let contents = journey.token_contents()?;
    assert_eq!(contents.private_keys.len(), 1);
    assert_eq!(contents.certificates[0].0, contents.private_keys[0]);
    Ok(())
}

/// Two modules: the shim, which misbehaves in the way that its control file says, and SoftHSM as it is.
fn beside_a_good_module(computer: &Workstation, misbehaviour: &str) -> Result<()> {
    computer.set_modules(&[programs::built("libqcert_token_shim.so", "qcert-token-shim")?, SOFTHSM.into()])?;
    computer.token.control(misbehaviour)
}

#[tokio::test]
async fn a_module_that_hangs_beside_a_good_one_is_named_and_keeps_nobody_from_a_certificate() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let hangs = |computer: &mut Workstation| beside_a_good_module(computer, "hang slots");
    let mut journey = Journey::begin_with(directory.path(), &[], hangs).await?;
    // Nobody has been waited for yet: it takes three seconds until a module is called silent.
    journey.browser.read(TOKEN).await?;
    journey.browser.read("Рабочее место готово.").await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, TOKEN).await?;
    journey.browser.read("Модуль PKCS#11 не отвечает.").await?;
    journey.browser.read("module_hangs: libqcert_token_shim").await?;
    journey.browser.click("button", "Отмена").await?;

    let key_code = journey.make_request().await?;
    journey.confirm(&key_code).await?;
    journey.wait_for_certificate().await?;
    journey.install().await
}

#[tokio::test]
async fn a_module_that_crashes_beside_a_good_one_is_named_until_it_works_again() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let crashes = |computer: &mut Workstation| beside_a_good_module(computer, "crash slots");
    let journey = Journey::begin_with(directory.path(), &[], crashes).await?;
    journey.browser.read("Рабочее место готово.").await?;
    journey.browser.click("link", "Содержимое носителя").await?;
    journey.browser.read("Ключей и сертификатов не видно.").await?;
    // It crashes but once by itself, and is started again at once the first time.
    let named = async || {
        for _ in 0..200 {
            if journey.browser.text().await?.contains("module_crashed: libqcert_token_shim") {
                return Ok(());
            }
            journey.computer.token.control("crash slots")?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the module is not named:\n{}", journey.browser.text().await?)
    };
    named().await?;
    journey.browser.read("Ключей и сертификатов не видно.").await?;
    journey.computer.token.control("")?;
    journey.browser.gone("alert", "").await
}

#[tokio::test]
async fn a_module_that_crashes_while_the_key_is_made_is_named_and_the_person_can_begin_again() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.control("crash after-generation")?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.read("Драйвер носителя аварийно завершился.").await?;
    journey.browser.click("button", "Закрыть").await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("module_crashed").await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1, "the token kept the pair");

    journey.make_request().await?;
    confirmation::arrive(&journey.browser).await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1, "only the new one is left");
    Ok(())
}
