//! Invariant 11 of ARCHITECTURE.md: what is missing at a workstation has a name of its own.

use anyhow::{Context, Result};
use qcert_journeys::{Journey, Software, Workstation, programs};

/// Opens the portal's first page on a computer without some part, and reads what the check says of it: in each browser,
/// whose words for it differ.
async fn check(change: impl Fn(&mut Workstation) -> Result<()>, says: &str) -> Result<()> {
    check_in(Software::Chromium, &change, says).await?;
    check_in(Software::Firefox, &change, says).await
}

async fn check_in(software: Software, change: impl Fn(&mut Workstation) -> Result<()>, says: &str) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin_in(software, directory.path(), &[], change).await?;
    journey.browser.read(says).await.with_context(|| format!("in {software:?}"))?;
    // A person may sign in all the same, to look.
    journey.browser.find("button", "Получить пароль").await.map(drop)
}

#[tokio::test]
async fn a_missing_extension_is_named() -> Result<()> {
    let without = |computer: &mut Workstation| {
        computer.extension = false;
        Ok(())
    };
    check(without, "Расширение не установлено или выключено.").await
}

#[tokio::test]
async fn an_extension_of_another_site_is_named() -> Result<()> {
    let another = |computer: &mut Workstation| computer.package_extension_for("http://localhost:1");
    check(another, "Установленное расширение не предназначено для этого сайта.").await
}

#[tokio::test]
async fn a_missing_host_is_named() -> Result<()> {
    let without = |computer: &mut Workstation| computer.remove_host();
    check(without, "Браузер не находит программу Qcert на этом компьютере.").await
}

#[tokio::test]
async fn a_host_that_is_registered_for_another_extension_is_named() -> Result<()> {
    let another = |computer: &mut Workstation| computer.register_host_for_another_extension();
    check_in(Software::Chromium, another, "Программа Qcert установлена, но не разрешена для этого расширения.").await?;
    // Firefox tells an extension the same whether there is no manifest or none that names it. The remedy that it is told
    // is good for both, and `qcert-host doctor` knows which it is.
    check_in(Software::Firefox, another, "Установите её или запустите «qcert-host register» для этого браузера.").await
}

#[tokio::test]
async fn a_site_that_the_administrator_did_not_allow_is_refused() -> Result<()> {
    let without = |computer: &mut Workstation| computer.allow_only("https://another.example");
    check(without, "Администратор не разрешил этому сайту работать с ключевыми носителями.").await
}

#[tokio::test]
async fn a_missing_module_is_named() -> Result<()> {
    let without = |computer: &mut Workstation| computer.set_modules(&[]);
    check(without, "Не установлен модуль PKCS#11 для ключевых носителей.").await
}

#[tokio::test]
async fn a_module_that_does_not_load_is_not_called_a_missing_one() -> Result<()> {
    let broken = |computer: &mut Workstation| computer.set_modules(&[programs::repository().join("README.md")]);
    check(broken, "Модуль PKCS#11 не загрузился или сообщил об ошибке.").await
}

#[tokio::test]
async fn a_missing_reader_is_named() -> Result<()> {
    let without = |computer: &mut Workstation| computer.token.control("reader out");
    check(without, "Не подключён ни один считыватель.").await
}

#[tokio::test]
async fn a_missing_token_is_named() -> Result<()> {
    let without = |computer: &mut Workstation| computer.token.pull();
    check(without, "Носитель не вставлен.").await
}

#[tokio::test]
async fn a_token_that_is_plugged_in_completes_the_check_without_a_reload() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = Journey::begin_with(directory.path(), &[], |computer| computer.token.pull()).await?;
    journey.browser.read("Носитель не вставлен.").await?;
    journey.computer.token.insert()?;
    journey.browser.read("Рабочее место готово.").await
}
