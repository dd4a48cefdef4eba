//! An authority whose operator looks at every request.

use anyhow::Result;
use qcert_journeys::{Journey, Settings, screens::list};

const BY_OPERATOR: Settings<'static> = &[("QCERT__ISSUANCE__APPROVAL", "operator")];
/// The application that [`Journey::open_first`] opens.
const NUMBER: &str = "67092365";

#[tokio::test]
async fn a_request_waits_until_the_operator_lets_it_go_on() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), BY_OPERATOR, |_| Ok(())).await?;
    journey.until_sent().await?;
    journey.sent().await?;
    journey.browser.read("Удостоверяющий центр рассматривает запрос.").await?;
    journey.portal.run(&["applications", "approve", NUMBER])?;
    journey.wait_for_certificate().await?;
    journey.install().await
}

#[tokio::test]
async fn a_request_that_the_operator_refuses_says_why() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_with(directory.path(), BY_OPERATOR, |_| Ok(())).await?;
    journey.until_sent().await?;
    journey.sent().await?;
    let reason = "Доверенность не приложена";
    journey.portal.run(&["applications", "reject", NUMBER, "--reason", reason])?;
    journey.browser.read(reason).await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::row(&journey.browser, reason).await?;
    list::row(&journey.browser, "отклонён").await.map(drop)
}
