//! What the extension's window says of a pair that is renewed, asked again or removed, and what the page is answered.
//! A script in the portal's own page asks, as the page does.

use anyhow::{Context, Result, ensure};
use qcert_journeys::{
    Browser, Journey,
    screens::pin_window,
    stranger::{ask, request, say},
    token::PIN,
};
use serde_json::{Value, json};

const LISTEN: &str = "globalThis.heard = [];
    addEventListener('message', ({ data }) => data?.qcert === 'reply' && heard.push(data));";
const REPLY: &str = "const [id, done] = arguments;
    const look = () => {
      const reply = heard.find((one) => one.id === id);
      if (reply) done(reply);
      else setTimeout(look, 50);
    };
    look();";

/// What the page was answered, once the window is done.
async fn answer(browser: &Browser, id: &str) -> Result<Value> {
    browser.to_page().await?;
    browser.script_later(REPLY, vec![json!(id)]).await
}

async fn token_id(browser: &Browser) -> Result<String> {
    let answer = ask(browser, request("tokens", "listTokens", json!({}))).await?;
    let id = answer["result"]["readers"][0]["token"]["id"].as_str().context("no token is listed")?;
    Ok(id.to_owned())
}

/// A person whose page listens for answers.
async fn listening(journey: &Journey) -> Result<String> {
    journey.browser.script::<Value>(LISTEN, vec![]).await?;
    token_id(&journey.browser).await
}

#[tokio::test]
async fn the_window_of_a_renewal_names_the_old_container_and_shows_the_new_keys_code() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    let old = journey.token_contents()?.private_keys[0].clone();
    let token = listening(&journey).await?;
    let details = ask(&journey.browser, request("details", "tokenDetails", json!({"token": token}))).await?;
    let label = details["result"]["containers"][0]["label"].as_str().context("no container")?.to_owned();

    let renews = json!({"keyId": old, "nonce": format!("{}=", "A".repeat(43))});
    let params = json!({
        "token": token, "container": "7R1@2026-11-29-new", "commonName": "n", "algorithm": "P-256", "sensor": "A".repeat(88),
        "renews": renews,
    });
    say(&journey.browser, &[request("renew", "renewRequest", params)]).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    let shown = journey.browser.text().await?;
    for words in ["Продление сертификата", "Действующий ключ подтвердит", "7R1@2026-11-29-new", &label]
    {
        ensure!(shown.contains(words), "{words}: {shown}");
    }
    pin_window::type_pin(&journey.browser, PIN).await?;
    let code = pin_window::key_code(&journey.browser).await?;
    let renewed = answer(&journey.browser, "renew").await?;
    assert_eq!(renewed["result"]["keyCode"], code.as_str(), "{renewed}");
    ensure!(renewed["result"]["proof"].as_str().is_some_and(|proof| proof.len() > 80), "{renewed}");
    assert_eq!(journey.token_contents()?.private_keys.len(), 2);

    let again = json!({
        "token": token, "container": "7R1@2026-11-29-new", "keyId": renewed["result"]["keyId"], "commonName": "n",
    });
    say(&journey.browser, &[request("again", "requestAgain", again)]).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    journey.browser.read("Запрос с прежним ключом").await?;
    pin_window::type_pin(&journey.browser, PIN).await?;
    assert_eq!(pin_window::key_code(&journey.browser).await?, code);
    let again = answer(&journey.browser, "again").await?;
    assert_eq!(again["result"]["keyId"], renewed["result"]["keyId"], "{again}");
    assert_eq!(journey.token_contents()?.private_keys.len(), 2);
    Ok(())
}

#[tokio::test]
async fn the_window_of_a_removal_shows_the_last_day_of_a_certificate_and_a_good_one_keeps_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;
    let before = journey.token_contents()?;
    let token = listening(&journey).await?;
    let remove = json!({"token": token, "keyId": before.private_keys[0]});
    say(&journey.browser, &[request("remove", "removeKeyPair", remove)]).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    let shown = journey.browser.text().await?;
    for words in ["Ключ и его сертификат с истёкшим сроком", "Срок до", "Сегодня"]
    {
        ensure!(shown.contains(words), "{words}: {shown}");
    }
    pin_window::type_pin(&journey.browser, PIN).await?;
    journey.browser.read("У этого ключа есть сертификат").await?;
    let refused = answer(&journey.browser, "remove").await?;
    assert_eq!(refused["error"]["code"], "key_in_use");
    let after = journey.token_contents()?;
    assert_eq!((after.private_keys, after.certificates), (before.private_keys, before.certificates));
    Ok(())
}
