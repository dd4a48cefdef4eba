//! What the certificate is for: a browser logs in to a server with it, by the key on the token.

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_journeys::{Journey, Software, display::Display, tls::Server, token::PIN};
use serde_json::{Value, json};

#[tokio::test]
async fn firefox_logs_in_to_a_tls_server_with_the_new_certificate_and_the_key_on_the_token() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_in(Software::Firefox, directory.path(), &[], |_| Ok(())).await?;
    let server = Server::start(&directory.path().join("server"), &journey.portal)?;
    ensure!(journey.browser.visit(&server.address()).await.is_err(), "let in without a certificate");
    journey.browser.go("/").await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    // The person leaves the window's box ticked: the browser may use the module.
    journey.install().await?;

    let display = Display::start(directory.path())?;
    journey.computer.display = Some(display.name().to_owned());
    let journey = journey.reopen_browser().await?;
    // The page is not there before the PIN was typed, so nobody waits for it here.
    journey.browser.script::<Value>("location.assign(arguments[0])", vec![json!(server.address())]).await?;
    display.answer("Password Required", PIN)?;
    journey.browser.read("Client certificate").await.with_context(|| server.log())?;
    let shown: String = journey.browser.text().await?.split_whitespace().collect();
    let installed = &journey.token_contents()?.certificates[0].1;
    ensure!(shown.contains(&STANDARD.encode(installed)), "another certificate: {shown}");
    Ok(())
}
