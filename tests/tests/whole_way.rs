//! From a telephone number to an installed certificate.

use anyhow::{Context, Result};
use qcert_journeys::{Journey, Software, screens::list};

#[tokio::test]
async fn a_person_gets_from_a_telephone_number_to_a_certificate_beside_its_key() -> Result<()> {
    the_whole_way(Software::Chromium).await
}

#[tokio::test]
async fn a_person_gets_from_a_telephone_number_to_a_certificate_beside_its_key_in_firefox() -> Result<()> {
    the_whole_way(Software::Firefox).await
}

async fn the_whole_way(software: Software) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_in(software, directory.path(), &[], |_| Ok(())).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;

    let contents = journey.token_contents()?;
    assert_eq!(contents.private_keys.len(), 1);
    assert_eq!(contents.public_keys, contents.private_keys);
    assert_eq!(contents.certificates.len(), 1);
    assert_eq!(contents.certificates[0].0, contents.private_keys[0]);
    assert!(contents.keys_never_left);
    // The browser still runs.
    let listed = journey.computer.listed_certificates()?;
    let line = listed.lines().find(|line| line.contains(":67092365@")).context("the browser has no certificate")?;
    assert!(line.trim_end().ends_with(" u,u,u"), "a user's with its key, and no trust: {line}");
    Ok(())
}

#[tokio::test]
async fn a_request_whose_token_was_lost_can_be_withdrawn_and_made_again() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey =
        Journey::begin_with(directory.path(), &[("QCERT__ISSUANCE__WAIT_SECONDS", "600")], |_| Ok(())).await?;
    journey.until_sent().await?;
    journey.sent().await?;
    journey.browser.click("button", "Отозвать запрос").await?;
    let dialog = journey.browser.find("dialog", "Отозвать запрос").await?;
    journey.browser.click_in(Some(&dialog), "button", Some("Отозвать запрос")).await?;
    journey.browser.read("Прежний запрос отозван").await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::press(&journey.browser, "запрос отозван", "запросить снова").await?;
    journey.make_request().await?;
    Ok(())
}
