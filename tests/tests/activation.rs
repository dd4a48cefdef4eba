//! An authority that hands over a code together with the application.

use anyhow::{Result, ensure};
use qcert_journeys::{
    Journey, Settings,
    screens::{activation, data, list},
};

const BY_CODE: Settings<'static> = &[("QCERT__ISSUANCE__ACTIVATION", "code")];
/// The application that [`Journey::open_first`] opens, and another of the same person.
const NUMBER: &str = "67092365";
const OTHER: &str = "67092366";

fn made(journey: &Journey, number: &str) -> Result<String> {
    Ok(journey.portal.run(&["applications", "activation-code", number])?.trim().to_owned())
}

#[tokio::test]
async fn a_certificate_is_requested_only_after_the_code_that_was_handed_over() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), BY_CODE, |_| Ok(())).await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "можно запросить", "запросить").await?;
    activation::arrive(&journey.browser).await?;
    ensure!(!journey.browser.sees("button", "Получить сертификат").await?, "it can be requested without the code");
    let (own, other) = (made(&journey, NUMBER)?, made(&journey, OTHER)?);

    activation::enter(&journey.browser, &own[1..]).await?;
    journey.browser.read("В коде опечатка.").await?;
    activation::enter(&journey.browser, &other).await?;
    journey.browser.read("Осталось попыток: 4.").await?;
    journey.browser.read("activation_code_wrong").await?;
    activation::enter(&journey.browser, &own.to_lowercase().replace('-', " ")).await?;

    data::arrive(&journey.browser).await?;
    ensure!(!journey.browser.sees("textbox", "Код активации").await?, "the code is asked for again");
    let code = journey.make_request().await?;
    journey.confirm(&code).await?;
    journey.wait_for_certificate().await?;
    journey.install().await
}

#[tokio::test]
async fn a_code_is_entered_once_and_the_person_may_leave_and_come_back() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), BY_CODE, |_| Ok(())).await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "можно запросить", "запросить").await?;
    activation::enter(&journey.browser, "7K3M-9QXD-4T23").await?;
    journey.browser.read("activation_code_missing").await?;
    activation::enter(&journey.browser, &made(&journey, NUMBER)?).await?;
    data::arrive(&journey.browser).await?;
    journey.browser.reload().await?;
    data::arrive(&journey.browser).await
}
