//! Invariant 1 of ARCHITECTURE.md in a real browser: where the PIN is, and where it never is.

use std::{fs, io::ErrorKind, path::PathBuf, rc::Rc};

use anyhow::{Context, Result};
use qcert_journeys::{
    Browser, Journey, Portal, Software, Workstation,
    journey::{PHONE, QUICK},
    memory::remembers,
    screens::{confirmation, pin_window},
};
use serde_json::json;

/// Letters, Cyrillic, spaces: nobody else says this.
const PIN: &str = "Ключ ot дома 4711";

/// What the page alone knows.
const CONTROL: &str = "the page's own 8205 words";

/// Hears what page and extension say to each other: both by messages to this window.
const LISTEN: &str = "
    globalThis.control = arguments[0];
    globalThis.frames = [];
    addEventListener('message', ({ data }) => frames.push(JSON.stringify(data)));";

/// Everything that a page can keep where its owner sees it.
const KEPT: &str =
    "return document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";

#[tokio::test]
async fn a_pin_is_never_in_the_page_the_server_a_log_or_a_file() -> Result<()> {
    search_after_a_journey(Software::Chromium).await
}

#[tokio::test]
async fn a_pin_is_never_in_the_page_the_server_a_log_or_a_file_in_firefox() -> Result<()> {
    search_after_a_journey(Software::Firefox).await
}

async fn search_after_a_journey(software: Software) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let portal = Rc::new(Portal::start(&directory.path().join("portal"), QUICK)?);
    let computer = Workstation::set_up_with(&directory.path().join("computer"), &portal, PIN, software)?;
    let mut journey = Journey::sit_down(portal, computer, PHONE).await?;
    journey.browser.script::<()>(LISTEN, vec![json!(CONTROL)]).await?;
    journey.until_pin_asked().await?;
    journey.browser.type_into("Pin-код", PIN).await?;
    where_it_is_typed(&journey.browser)?;
    journey.browser.click("button", "ОК").await?;
    let code = pin_window::key_code(&journey.browser).await?;
    journey.browser.to_page().await?;
    confirmation::arrive(&journey.browser).await?;
    journey.confirm(&code).await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;

    in_no_memory(&journey)?;
    in_no_frame(&journey.browser, software).await?;
    let Journey { browser, portal, .. } = journey;
    browser.close();
    drop(portal);
    let found = files_with(directory.path(), PIN)?;
    assert!(found.is_empty(), "{found:?}");
    let found = files_with(directory.path(), "createRequest: done")?;
    assert_eq!(found, [directory.path().join("computer/home/.local/state/qcert/host.log")]);
    Ok(())
}

/// Is it in the memory of one of these processes? None can tell where only root may look.
fn in_memory(processes: &[u32], text: &str) -> Result<Option<bool>> {
    let mut found = false;
    for process in processes {
        match remembers(*process, text) {
            Ok(there) => found |= there,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
            // It has ended meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(found))
}

/// A search that found nothing anywhere would prove nothing.
fn where_it_is_typed(browser: &Browser) -> Result<()> {
    let window = in_memory(&browser.extension_processes()?, PIN)?;
    assert_ne!(window, Some(false), "the extension's window");
    let page = in_memory(&browser.page_processes()?, CONTROL)?;
    assert_ne!(page, Some(false), "the page");
    Ok(())
}

fn in_no_memory(journey: &Journey) -> Result<()> {
    let pages = journey.browser.page_processes()?;
    let server = [journey.portal.process().context("the server runs")?];
    for (processes, known) in [(&pages[..], CONTROL), (&server, journey.number().as_str())] {
        assert_ne!(in_memory(processes, known)?, Some(false), "{known}");
        assert_ne!(in_memory(processes, PIN)?, Some(true), "beside {known}");
    }
    Ok(())
}

async fn in_no_frame(browser: &Browser, software: Software) -> Result<()> {
    let frames: Vec<String> = browser.script("return frames", vec![]).await?;
    for known in ["\"createRequest\"", "\"certificationRequest\"", "\"installCertificate\"", "\"storing\""] {
        assert!(frames.iter().any(|frame| frame.contains(known)), "{known} is in no frame: {frames:?}");
    }
    let kept: String = browser.script(KEPT, vec![]).await?;
    assert!(kept.contains("АвтоСпор"), "{kept}");
    for text in frames.iter().chain([&kept]) {
        assert!(!text.contains(PIN), "{text}");
    }
    // Firefox keeps no log of what it sent; what the server got is among the files.
    let sent = if software == Software::Chromium { browser.sent().await? } else { Vec::new() };
    for (address, body) in sent {
        assert!(!address.contains(PIN) && !body.contains(PIN), "{address}");
    }
    Ok(())
}

/// Every file under a directory that has this text: logs, databases, the browser's profile, the token itself.
fn files_with(directory: &std::path::Path, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), text)?);
        } else if kind.is_file() && fs::read(entry.path())?.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(entry.path());
        }
    }
    Ok(found)
}
