//! What the certificate is for: a browser logs in to a server with it, by the key on the token.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_journeys::{Journey, Software, display::Display, tls::Server, token::PIN};
use serde_json::{Value, json};

/// On the server's page.
const LET_IN: &str = "Client certificate";

#[tokio::test]
async fn chromium_logs_in_to_a_tls_server_with_the_new_certificate_and_the_key_on_the_token() -> Result<()> {
    logs_in(Software::Chromium).await
}

#[tokio::test]
async fn firefox_logs_in_to_a_tls_server_with_the_new_certificate_and_the_key_on_the_token() -> Result<()> {
    logs_in(Software::Firefox).await
}

async fn logs_in(software: Software) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_in(software, directory.path(), &[], |_| Ok(())).await?;
    let server = Server::start(&directory.path().join("server"), &journey.portal)?;
    // Chromium makes its database now.
    let visited = journey.browser.visit(&server.address()).await;
    ensure!(visited.is_err() || !journey.browser.text().await?.contains(LET_IN), "let in without a certificate");
    journey.browser.go("/").await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    // The person leaves the window's box ticked: the browser may use the module.
    journey.install().await?;

    let display = Display::start(directory.path())?;
    journey.computer.display = Some(display.name().to_owned());
    let journey = journey.reopen_browser().await?;
    // The page is not there before the PIN was typed. So it is left for after the driver's answer, which waits for what is
    // on its way.
    let later = "const [address] = arguments; setTimeout(() => location.assign(address), 300)";
    journey.browser.script::<Value>(later, vec![json!(server.address())]).await?;
    let shown = async { journey.browser.read(LET_IN).await.with_context(|| server.log()) };
    match software {
        Software::Firefox => {
            display.answer("Password Required", PIN)?;
            shown.await?;
        }
        Software::Chromium => {
            display.answer("Unlock Security Device", PIN)?;
            tokio::select! {
                shown = shown => shown?,
                failed = take_the_only_certificate(&display) => failed?,
            }
        }
    }
    let shown: String = journey.browser.text().await?.split_whitespace().collect();
    let installed = &journey.token_contents()?.certificates[0].1;
    ensure!(shown.contains(&STANDARD.encode(installed)), "another certificate: {shown}");
    Ok(())
}

/// Chromium asks which one, inside its window, and has the only one chosen: Enter, as soon as it asks.
async fn take_the_only_certificate(display: &Display) -> Result<()> {
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        display.press_enter("Chromium")?;
    }
}
