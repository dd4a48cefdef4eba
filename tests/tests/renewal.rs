//! A certificate that ends soon is renewed by its own key: from `продлить` to the next installed certificate.

use anyhow::{Context, Result, ensure};
use qcert_journeys::{
    Journey, Settings,
    journey::TOKEN,
    screens::{confirmation, data, devices, list, pin_window, sensor},
    token::PIN,
};

/// Certificates are valid for a year, so each can be renewed as soon as it is installed.
const OFFERED: Settings<'static> = &[("QCERT__RENEWAL__OFFERED_DAYS", "366")];

/// identificationKind (1.2.643.100.114) up to its value, DER.
const IDENTIFICATION_KIND: [u8; 11] = [0x06, 0x05, 0x2a, 0x85, 0x03, 0x64, 0x72, 0x04, 0x03, 0x02, 0x01];

const RENEWS: &str = "взамен прежнего сертификата";

/// Has a certificate installed, and looks at it.
async fn installed(journey: &mut Journey) -> Result<()> {
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.install().await
}

/// The kind of identification that a certificate states.
fn identification_kind(certificate: &[u8]) -> Result<u8> {
    let found = certificate.windows(IDENTIFICATION_KIND.len() + 1).find(|part| part.starts_with(&IDENTIFICATION_KIND));
    found.and_then(|part| part.last().copied()).context("the certificate states no kind of identification")
}

#[tokio::test]
async fn a_director_renews_a_certificate_by_its_own_key_and_without_an_operators_word() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), OFFERED, |_| Ok(())).await?;
    installed(&mut journey).await?;
    let old = journey.token_contents()?.certificates;
    ensure!(identification_kind(&old[0].1)? == 0, "in person");

    journey.browser.click("button", "продлить").await?;
    data::get_certificate(&journey.browser).await?;
    devices::arrive(&journey.browser).await?;
    journey.browser.read("прежний ключ на нём подтвердит вашу личность.").await?;
    devices::choose(&journey.browser, TOKEN).await?;
    sensor::fill(&journey.browser, 100).await?;
    journey.from_pin_to_installed().await?;

    let contents = journey.token_contents()?;
    ensure!(contents.private_keys.len() == 2 && contents.certificates.len() == 2, "{contents:?}");
    ensure!(contents.keys_never_left && contents.certificates.contains(&old[0]), "the old one is as it was");
    let new = contents.certificates.iter().find(|one| **one != old[0]).context("there is a new one")?;
    ensure!(identification_kind(&new.1)? == 1, "with a certificate");

    journey.browser.click("link", "Вернуться к списку").await?;
    list::arrive(&journey.browser).await?;
    let rows = list::rows(&journey.browser).await?;
    let of_both: Vec<_> = rows.iter().filter(|row| row.contains("сертификат установлен")).collect();
    let renewal = |row: &&&String| row.contains(RENEWS);
    ensure!(of_both.len() == 2 && of_both.iter().filter(renewal).count() == 1, "{rows:?}");
    let renewable: Vec<_> = of_both.iter().filter(|row| row.contains("продлить")).collect();
    ensure!(renewable.len() == 1 && renewable[0].contains(RENEWS), "the old one is renewed already: {rows:?}");

    journey.browser.click("link", "Содержимое носителя").await?;
    journey.browser.read("продлён и остаётся до конца срока").await?;
    ensure!(!journey.browser.sees("button", "Удалить").await?, "it is valid still");
    Ok(())
}

#[tokio::test]
async fn another_token_than_the_old_keys_is_told_and_makes_no_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), OFFERED, |_| Ok(())).await?;
    installed(&mut journey).await?;
    // Its module sees a new token when it is loaded again.
    journey.computer.token.add("Другой", PIN)?;
    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "сертификат установлен", "продлить").await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, "Другой").await?;
    let ok = journey.browser.find("button", "ОК").await?;
    ensure!(!journey.browser.disabled(&ok).await?, "the old key's token is chosen already");

    devices::point_at(&journey.browser, "Другой").await?;
    journey.browser.read("Прежнего ключа на этом носителе нет.").await?;
    ensure!(journey.browser.disabled(&ok).await?);
    devices::point_at(&journey.browser, TOKEN).await?;
    journey.browser.click("button", "ОК").await?;
    sensor::fill(&journey.browser, 100).await?;
    journey.browser.to_extension("textbox", "Pin-код").await.map(drop)
}

#[tokio::test]
async fn a_renewal_is_begun_once_however_often_it_is_pressed_and_goes_on_where_it_was_left() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), OFFERED, |_| Ok(())).await?;
    installed(&mut journey).await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    let row = list::row(&journey.browser, "сертификат установлен").await?;
    let button = journey.browser.find_in(Some(&row), "button", Some("продлить")).await?;
    let twice = "arguments[0].click(); arguments[0].click(); return null";
    journey.browser.script::<()>(twice, vec![button.to_json()?]).await?;
    data::arrive(&journey.browser).await?;

    // Left while the PIN is asked, by closing the browser.
    journey.ask_for_key().await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, RENEWS, "запросить").await?;
    data::arrive(&journey.browser).await?;
    ensure!(journey.token_contents()?.private_keys.len() == 1, "no half-made pair");

    // Left while the second password is awaited.
    let key_code = journey.make_request().await?;
    journey.next_password().await?;
    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, RENEWS, "продолжить").await?;
    confirmation::arrive(&journey.browser).await?;
    journey.confirm(&key_code).await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::arrive(&journey.browser).await?;
    let rows = list::rows(&journey.browser).await?;
    ensure!(rows.iter().filter(|row| row.contains(RENEWS)).count() == 1, "{rows:?}");
    Ok(())
}

/// The page is a view: what it sends in the person's name is not believed.
#[tokio::test]
async fn a_request_of_another_key_than_the_old_one_vouched_for_is_not_taken() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), OFFERED, |_| Ok(())).await?;
    installed(&mut journey).await?;
    journey.browser.click("button", "продлить").await?;
    data::arrive(&journey.browser).await?;
    // The proof is another's: a bit of it is changed on the way to the portal.
    let tamper = "const send = window.fetch; window.fetch = (address, init) => { \
                  if (String(address).endsWith('/requests')) { \
                  const body = JSON.parse(init.body); const proof = atob(body.proof).split(''); \
                  proof[20] = String.fromCharCode(proof[20].charCodeAt(0) ^ 1); \
                  body.proof = btoa(proof.join('')); init.body = JSON.stringify(body); } \
                  return send(address, init); }; return null";
    journey.browser.script::<()>(tamper, vec![]).await?;
    journey.ask_for_key().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.to_page().await?;
    journey.browser.read("renewal_proof_wrong").await?;
    journey.browser.click("button", "Удалить ключ").await?;
    journey.confirm_removal().await?;
    data::arrive(&journey.browser).await?;
    ensure!(journey.token_contents()?.private_keys.len() == 1, "only the old one is left");
    Ok(())
}
