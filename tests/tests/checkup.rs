//! The page of the workstation check: what it lists, how it follows what changes, and the bundle for the support.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use qcert_journeys::{Journey, Workstation, journey::TOKEN};
use serde_json::Value;

/// Opens the check of a computer on which something is otherwise.
async fn check(directory: &Path, change: impl FnOnce(&mut Workstation) -> Result<()>) -> Result<Journey> {
    let links = &[("QCERT__WORKSTATION__PACKAGES__DEBIAN", "https://ca.example/qcert-host.deb")];
    let journey = Journey::begin_with(directory, links, change).await?;
    journey.browser.click("link", "Проверить подробно").await?;
    journey.browser.find("heading", "Проверка рабочего места").await?;
    Ok(journey)
}

/// The text of the part's line, as soon as it has one that contains what is waited for.
async fn line(journey: &Journey, part: &str, text: &str) -> Result<()> {
    journey.browser.read(text).await?;
    for line in journey.browser.look(None, "listitem", None).await? {
        let shown = line.text().await?;
        if shown.starts_with(part) && shown.contains(text) {
            return Ok(());
        }
    }
    bail!("{part} has no line that says “{text}”:\n{}", journey.browser.text().await?)
}

#[tokio::test]
async fn every_part_has_its_line_and_the_page_follows_what_changes() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = check(directory.path(), |_| Ok(())).await?;
    let browser = &journey.browser;
    browser.read("Рабочее место готово.").await?;
    for (part, text) in [
        ("Браузер", "Chromium"),
        ("Расширение браузера", "0.1.0"),
        ("Программа на компьютере", "qcert-host"),
        ("Модуль PKCS#11", "работает"),
        ("Считыватель", "работает"),
        ("Ключевой носитель", TOKEN),
        ("Хранилище сертификатов", "certutil"),
        ("Часы компьютера", "работает"),
    ] {
        line(&journey, part, text).await?;
    }

    journey.computer.token.pull()?;
    line(&journey, "Ключевой носитель", "Носитель не вставлен.").await?;
    journey.computer.token.insert()?;
    browser.read("Рабочее место готово.").await?;

    browser.click("button", "English").await?;
    browser.find("heading", "Workstation check").await?;
    line(&journey, "Token", "works").await?;
    browser.reload().await?;
    browser.find("heading", "Workstation check").await?;
    browser.click("button", "Русский").await?;

    browser.click("button", "Закрыть").await?;
    browser.find("textbox", "Номер телефона").await.map(drop)
}

#[tokio::test]
async fn the_address_that_the_support_says_opens_it_and_closing_leads_back() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    journey.browser.script::<Value>("location.hash = '#check'", vec![]).await?;
    journey.browser.find("heading", "Проверка рабочего места").await?;
    journey.browser.reload().await?;
    journey.browser.find("heading", "Проверка рабочего места").await?;
    journey.browser.script::<Value>("history.back()", vec![]).await?;
    journey.browser.find("button", "Получить сертификат").await?;
    journey.browser.script::<Value>("location.hash = '#check'", vec![]).await?;
    journey.browser.click("button", "Закрыть").await?;
    journey.browser.find("button", "Получить сертификат").await.map(drop)
}

#[tokio::test]
async fn a_missing_host_is_explained_with_the_package_for_this_system() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = check(directory.path(), |computer| computer.remove_host()).await?;
    line(&journey, "Программа на компьютере", "snap или flatpak").await?;
    let link = journey.browser.find("link", "Скачать Debian (.deb)").await?;
    ensure!(link.attr("href").await?.as_deref() == Some("https://ca.example/qcert-host.deb"));
    ensure!(!journey.browser.sees("link", "Скачать RPM (.rpm)").await?);
    line(&journey, "Ключевой носитель", "пока нельзя проверить").await
}

#[tokio::test]
async fn an_extension_without_a_package_leads_to_the_administrator() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let without = |computer: &mut Workstation| {
        computer.extension = false;
        Ok(())
    };
    let journey = check(directory.path(), without).await?;
    line(&journey, "Расширение браузера", "Пакет даст администратор.").await
}

/// An extension that speaks another protocol than page and host.
fn speaking(major: u32, minor: u32) -> impl FnOnce(&mut Workstation) -> Result<()> {
    move |computer| {
        let file = computer.extension_directory().join("messages.js");
        let text = fs::read_to_string(&file).context("read the extension's messages")?;
        let (ours, ours_minor) = (qcert_protocol::PROTOCOL_VERSION, qcert_protocol::PROTOCOL_MINOR);
        let mut changed = text.clone();
        for (name, now, then) in [("VERSION", ours, major), ("MINOR", ours_minor, minor)] {
            let line = |number| format!("export const PROTOCOL_{name} = {number};");
            ensure!(text.contains(&line(now)), "the extension's protocol is not the page's");
            changed = changed.replace(&line(now), &line(then));
        }
        fs::write(&file, changed).context("write the extension's messages")
    }
}

#[tokio::test]
async fn an_extension_that_is_too_old_or_too_new_is_named_and_a_minor_version_goes_on() -> Result<()> {
    for (major, minor, says) in [
        (0, 1, "Версия расширения устарела."),
        (2, 0, "Расширение новее, чем этот портал."),
        (1, 0, "Рабочее место готово."),
        (1, 9, "Рабочее место готово."),
    ] {
        let directory = tempfile::tempdir()?;
        let journey = check(directory.path(), speaking(major, minor)).await?;
        journey.browser.read(says).await.with_context(|| format!("{major}.{minor}"))?;
    }
    Ok(())
}

/// The file that was saved, once it is whole.
async fn saved(journey: &Journey) -> Result<String> {
    let file = journey.computer.downloads().join("qcert-report.json");
    for _ in 0..200 {
        match fs::read_to_string(&file) {
            Ok(text) if serde_json::from_str::<Value>(&text).is_ok() => return Ok(text),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    bail!("nothing was saved")
}

#[tokio::test]
async fn a_bundle_is_read_before_it_is_saved_and_names_nobody_without_consent() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_sent().await?;
    let keys = journey.token_contents()?.private_keys;
    journey.browser.go("/#check").await?;
    let browser = &journey.browser;
    browser.read("Рабочее место готово.").await?;

    browser.click("button", "Отчёт для поддержки").await?;
    browser.find("dialog", "Отчёт для поддержки").await?;
    browser.read("\"hostVersion\": \"0.1.0\"").await?;
    let plain = bundle_on_screen(&journey).await?;
    ensure!(!plain.contains(TOKEN) && !plain.contains("createRequest"), "{plain}");

    browser.click("checkbox", "Добавить названия носителей и журнал программы").await?;
    browser.read("createRequest").await?;
    let personal = bundle_on_screen(&journey).await?;
    ensure!(personal.contains(TOKEN), "{personal}");

    browser.click("button", "Сохранить").await?;
    let file = saved(&journey).await?;
    ensure!(file == personal, "what was saved is not what was shown:\n{file}");
    browser.gone("dialog", "Отчёт для поддержки").await?;

    let bundle: Value = serde_json::from_str(&file)?;
    ensure!(bundle["bundle"] == 1 && bundle["page"]["protocol"] == "1.2", "{file}");
    ensure!(bundle["checks"].as_array().is_some_and(|checks| checks.len() == 4), "{file}");
    let home = journey.computer.path("home").to_string_lossy().into_owned();
    let number = journey.number();
    for secret in [journey.computer.pin.as_str(), "АвтоСпор", "Иванов", &number[2..], &home] {
        ensure!(!file.contains(secret), "{secret}: {file}");
    }
    for key in &keys {
        ensure!(!file.contains(key), "{key}: {file}");
    }
    Ok(())
}

async fn bundle_on_screen(journey: &Journey) -> Result<String> {
    journey.browser.script("return document.querySelector('pre').textContent", vec![]).await
}
