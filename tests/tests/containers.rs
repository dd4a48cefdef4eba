//! The page of what lies on a token: what waits, what is complete, what is left over, and a certificate from a file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_journeys::{
    Journey, programs,
    screens::{installation, list, pin_window},
    token::PIN,
};
use serde_json::Value;

const HEADING: &str = "Содержимое носителя";

async fn open(journey: &Journey) -> Result<()> {
    journey.browser.click("link", HEADING).await?;
    journey.browser.find("heading", HEADING).await.map(drop)
}

async fn leave(journey: &Journey) -> Result<()> {
    journey.browser.click("button", "Закрыть").await
}

#[tokio::test]
async fn a_key_waits_for_its_certificate_and_then_says_whose_it_is_and_until_when() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    open(&journey).await?;
    journey.browser.read("Ключей и сертификатов не видно.").await?;
    leave(&journey).await?;

    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    open(&journey).await?;
    journey.browser.read("Ключ ждёт сертификата.").await?;
    ensure!(!journey.browser.sees("button", "Удалить").await?, "a key that is needed");
    journey.browser.click("link", "продолжить").await?;
    journey.install().await?;

    open(&journey).await?;
    journey.browser.read("действует до").await?;
    let shown = journey.browser.text().await?;
    ensure!(shown.contains("АвтоСпор") && !shown.contains("Ключ ждёт"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn what_an_earlier_try_left_is_removed_and_what_others_made_is_not_offered() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.computer.token.make_strangers_pair(PIN)?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    journey.computer.token.pull()?;
    journey.browser.click("button", "Отменить запрос").await?;
    journey.browser.read("ключ останется на нём").await?;
    let question = journey.browser.find("dialog", "Отменить запрос").await?;
    journey.browser.click_in(Some(&question), "button", Some("Отменить запрос")).await?;
    journey.browser.gone("dialog", "Отменить запрос").await?;
    journey.computer.token.insert()?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 2);

    open(&journey).await?;
    journey.browser.read("На носителе остался ключ без сертификата от прежней попытки:").await?;
    journey.browser.read("mail Ключ без сертификата.").await?;
    assert_eq!(journey.browser.look(None, "button", Some("Удалить")).await?.len(), 1);
    journey.browser.click("button", "Удалить").await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.extension_closed().await?;
    journey.browser.gone("button", "Удалить").await?;
    journey.browser.read("mail Ключ без сертификата.").await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1);
    Ok(())
}

/// The worst moment: the pair is made, the portal does not answer, and the page is closed.
#[tokio::test]
async fn what_never_reached_the_portal_is_gone_on_with_from_here() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;
    journey.portal.stop();
    journey.enter_pin().await?;
    journey.browser.to_page().await?;
    journey.browser.read("запрос не дошёл до портала").await?;
    journey.portal.resume()?;
    let pair = journey.token_contents()?.private_keys;

    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    open(&journey).await?;
    journey.browser.read("На носителе остался ключ без сертификата от прежней попытки:").await?;
    journey.browser.click("button", "продолжить").await?;
    journey.from_pin_to_installed().await?;
    let contents = journey.token_contents()?;
    assert_eq!(contents.private_keys, pair);
    assert_eq!(contents.certificates[0].0, pair[0]);
    Ok(())
}

#[tokio::test]
async fn a_certificate_from_a_file_goes_beside_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    let file = directory.path().join("certificate.cer");
    fs::write(&file, certificate(&journey).await?)?;
    open(&journey).await?;
    let wrong = directory.path().join("wrong.cer");
    fs::write(&wrong, "no certificate")?;
    journey.browser.choose_file(&wrong).await?;
    journey.browser.read("certificate_invalid").await?;

    journey.browser.choose_file(&file).await?;
    journey.enter_pin_to_install().await?;
    journey.browser.read("действует до").await?;
    assert_eq!(journey.token_contents()?.certificates.len(), 1);

    // The portal knows it, too.
    leave(&journey).await?;
    installation::installed(&journey.browser).await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::row(&journey.browser, "сертификат установлен").await.map(drop)
}

#[tokio::test]
async fn a_container_whose_certificate_has_expired_is_removed_with_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    let file = ended_yesterday(&journey, directory.path()).await?;
    open(&journey).await?;
    journey.browser.choose_file(&file).await?;
    journey.enter_pin_to_install().await?;

    journey.browser.read("Срок сертификата истёк:").await?;
    journey.browser.click("button", "Удалить").await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("Ключей и сертификатов не видно.").await?;
    ensure!(journey.token_contents()?.is_empty());
    Ok(())
}

/// A certificate of another authority for the request that the page has sent. It is over.
async fn ended_yesterday(journey: &Journey, directory: &Path) -> Result<PathBuf> {
    let sent = journey.browser.sent().await?;
    let (_, body) = sent.iter().rfind(|(address, _)| address.ends_with("/requests")).context("no request was sent")?;
    let body: Value = serde_json::from_str(body).context("read what the page sent")?;
    let request = body["certificationRequest"].as_str().context("there is a request")?;
    let request = STANDARD.decode(request).ok().context("the request is base64")?;
    fs::write(directory.join("request.csr"), request)?;
    let openssl = |arguments: &str| {
        let mut openssl = Command::new("openssl");
        programs::run(openssl.args(arguments.split(' ')).current_dir(directory))
    };
    let authority = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Other -keyout ca.key -out ca.pem";
    openssl(&format!("req -x509 {authority} -days 2"))?;
    openssl("x509 -req -inform DER -in request.csr -CA ca.pem -CAkey ca.key -days -1 -outform DER -out over.cer")?;
    Ok(directory.join("over.cer"))
}

/// The file that the portal offers for this certificate, fetched by the person who is signed in.
async fn certificate(journey: &Journey) -> Result<Vec<u8>> {
    let script = "return (async () => { const rows = await (await fetch('/api/v1/applications')).json(); \
                  const {id} = rows.find((row) => row.certificate).certificate; \
                  const file = await (await fetch(`/api/v1/certificates/${id}/file`)).arrayBuffer(); \
                  return [...new Uint8Array(file)]; })()";
    let bytes: Vec<Value> = journey.browser.script(script, vec![]).await?;
    let bytes = bytes.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()));
    bytes.collect::<Option<_>>().context("the portal's answer is a file")
}
