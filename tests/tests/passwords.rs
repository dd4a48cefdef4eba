//! Figure 3: one-time passwords that are wrong, too old, or used twice at the same moment.

use std::time::Duration;

use anyhow::Result;
use qcert_journeys::{
    Journey,
    screens::{list, sign_in},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_wrong_code_says_how_many_tries_are_left_and_the_right_one_still_signs_in() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    let password = journey.order_password().await?;
    let wrong = if password == "000000" { "000001" } else { "000000" };
    sign_in::enter_password(&journey.browser, wrong).await?;
    journey.browser.read("Осталось попыток: 4.").await?;
    journey.browser.read("otp_wrong").await?;
    sign_in::enter_password(&journey.browser, &password).await?;
    list::arrive(&journey.browser).await
}

#[tokio::test]
async fn an_expired_code_is_told_apart_from_a_wrong_one() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let settings = [("QCERT__OTP__LIFETIME_SECONDS", "1")];
    let mut journey = Journey::begin_with(directory.path(), &settings, |_| Ok(())).await?;
    let password = journey.order_password().await?;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    sign_in::enter_password(&journey.browser, &password).await?;
    journey.browser.read("Срок пароля истёк.").await?;
    journey.browser.read("otp_expired").await
}

#[tokio::test]
async fn a_used_code_does_not_sign_in_again() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    let password = journey.order_password().await?;
    let sign_in = "const [phone, password, done] = arguments;
        const body = JSON.stringify({ phone, password });
        const headers = { 'Content-Type': 'application/json' };
        fetch('/api/v1/sign-in', { method: 'POST', headers, body }).then((answer) => done(answer.status));";
    let arguments = || vec![json!(journey.number()), json!(password)];
    assert_eq!(journey.browser.script_later::<u16>(sign_in, arguments()).await?, 200);
    assert_eq!(journey.browser.script_later::<u16>(sign_in, arguments()).await?, 403);
    Ok(())
}

/// Invariant 6 of ARCHITECTURE.md: one application, at most one certificate.
#[tokio::test]
async fn the_same_confirmation_sent_twice_at_the_same_moment_gives_one_certificate() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.make_request().await?;
    let (password, _) = journey.next_password().await?;

    let twice = "const [password, done] = arguments;
        const headers = { 'Content-Type': 'application/json' };
        const body = JSON.stringify({ password });
        const rows = await (await fetch('/api/v1/applications')).json();
        const { id } = rows.find((row) => row.state === 'preparing').request;
        const confirm = () => fetch(`/api/v1/requests/${id}/confirmation`, { method: 'POST', headers, body });
        const answers = await Promise.all([confirm(), confirm()]);
        done(answers.map((answer) => answer.status));";
    let twice = format!("(async (...arguments) => {{ {twice} }})(...arguments)");
    let statuses: Vec<u16> = journey.browser.script_later(&twice, vec![json!(password)]).await?;
    // The second may be told the same as the first, whose answer could have been lost; it must not do anything more.
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");

    journey.wait_for_certificate().await?;
    let certificates = "fetch('/api/v1/certificates').then((answer) => answer.json()).then(arguments[0])";
    let certificates: Vec<Value> = journey.browser.script_later(certificates, vec![]).await?;
    assert_eq!(certificates.len(), 1);
    Ok(())
}
