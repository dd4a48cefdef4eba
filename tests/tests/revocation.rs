//! A holder has a certificate revoked, and a program that is not ours believes it.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use qcert_journeys::{
    Journey, Portal, programs,
    screens::{list, revocation},
};

const LOST: &str = "Носитель потерян или украден, или Pin-код стал известен другим";

#[tokio::test]
async fn a_holder_revokes_a_certificate_by_a_password_and_nobody_trusts_it_any_more() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;
    let judge = Judge::of(&journey, directory.path())?;
    judge.verify(&journey.portal)?.success.then_some(()).context("the certificate is not good to begin with")?;

    revocation::open(&journey.browser).await?;
    revocation::order_password(&journey.browser, LOST).await?;
    let (password, message) = journey.next_password().await?;
    ensure!(message.contains(&judge.serial), "the text message does not name the certificate: {message}");
    revocation::enter(&journey.browser, &other_than(&password)).await?;
    journey.browser.read("Пароль неверный.").await?;
    revocation::enter(&journey.browser, &password).await?;

    journey.browser.gone("dialog", revocation::DIALOG).await?;
    journey.browser.read(LOST).await?;
    journey.browser.click("link", "Вернуться к списку").await?;
    list::row(&journey.browser, "отозван").await?;
    judge.wait_until_revoked(&journey.portal).await
}

#[tokio::test]
async fn a_revoked_certificate_looks_the_same_from_another_visit() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    // Not installed: its token may be the one that was lost.
    journey.wait_for_certificate().await?;
    revocation::open(&journey.browser).await?;
    revocation::order_password(&journey.browser, "Больше не нужен").await?;
    let (password, _) = journey.next_password().await?;
    revocation::enter(&journey.browser, &password).await?;
    journey.browser.gone("dialog", revocation::DIALOG).await?;

    let mut journey = journey.reopen_browser().await?;
    journey.sign_in().await?;
    list::press(&journey.browser, "отозван", "узнать причину").await?;
    journey.browser.read("Больше не нужен").await?;
    ensure!(!journey.browser.sees("button", revocation::DIALOG).await?, "it can be revoked twice");
    Ok(())
}

/// OpenSSL, with the certificate that the token holds and what the portal publishes.
struct Judge<'a> {
    directory: &'a Path,
    serial: String,
    list: String,
}

struct Verdict {
    success: bool,
    told: String,
}

impl<'a> Judge<'a> {
    fn of(journey: &Journey, directory: &'a Path) -> Result<Self> {
        let contents = journey.token_contents()?;
        let (_, der) = contents.certificates.first().context("the token holds no certificate")?;
        std::fs::write(directory.join("certificate.der"), der)?;
        let mut judge = Self { directory, serial: String::new(), list: String::new() };
        judge.openssl(&["x509", "-inform", "DER", "-in", "certificate.der", "-out", "certificate.pem"])?;
        let serial = judge.openssl(&["x509", "-in", "certificate.pem", "-noout", "-serial"])?;
        judge.serial = serial.trim().strip_prefix("serial=").context("no serial number")?.to_owned();
        let points = judge.openssl(&["x509", "-in", "certificate.pem", "-noout", "-ext", "crlDistributionPoints"])?;
        let address = points.split("URI:").nth(1).context("no distribution point")?;
        let path = address.trim().strip_prefix(&journey.portal.origin()).context("a list of another portal")?;
        judge.list = path.to_owned();
        std::fs::write(directory.join("chain.pem"), journey.portal.get("/ca/chain.pem")?)?;
        Ok(judge)
    }

    /// `openssl verify -crl_check` with the list that the certificate names.
    fn verify(&self, portal: &Portal) -> Result<Verdict> {
        std::fs::write(self.directory.join("list.der"), portal.get(&self.list)?)?;
        self.openssl(&["crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem"])?;
        let files = ["-CAfile", "chain.pem", "-CRLfile", "list.pem", "certificate.pem"];
        let mut command = Command::new("openssl");
        let output = command.current_dir(self.directory).args(["verify", "-crl_check"]).args(files).output()?;
        let told = [output.stdout, output.stderr].concat();
        Ok(Verdict { success: output.status.success(), told: String::from_utf8_lossy(&told).into_owned() })
    }

    /// The list is published anew soon after.
    async fn wait_until_revoked(&self, portal: &Portal) -> Result<()> {
        for _ in 0..100 {
            let verdict = self.verify(portal)?;
            if !verdict.success {
                ensure!(verdict.told.contains("certificate revoked"), "{}", verdict.told);
                let list = self.openssl(&["crl", "-in", "list.pem", "-noout", "-text"])?;
                ensure!(list.contains(&self.serial) && list.contains("Key Compromise"), "{list}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("ten seconds later the list does not name the certificate")
    }

    fn openssl(&self, arguments: &[&str]) -> Result<String> {
        let told = programs::run(Command::new("openssl").current_dir(self.directory).args(arguments))?;
        Ok(String::from_utf8_lossy(&told).into_owned())
    }
}

/// Six digits that are not these.
fn other_than(password: &str) -> String {
    password.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect()
}
