//! Chromium: how it is started, and how it is asked for roles and names.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use thirtyfour::{Capabilities, WebDriver, WebElement};

use super::WINDOW;
use crate::{Workstation, programs::Daemon};

const BY_ROLE: &str = concat!(include_str!("likely.js"), include_str!("by_role.js"));

/// Starts chromedriver; answers its port too.
pub(super) fn start_driver(computer: &Workstation) -> Result<(Daemon, u16)> {
    let mut start = Command::new("chromedriver");
    let mut driver = Daemon::start(computer.furnish(start.arg("--port=0")), computer.path("chromedriver.log"))?;
    let port = driver.wait_for("chromedriver's port", |daemon| {
        let printed = daemon.printed();
        let after = printed.split_once("started successfully on port ")?.1;
        after.split_once('.')?.0.parse::<u16>().ok()
    })?;
    Ok((driver, port))
}

/// The elements that have a role, and a name if one is given.
pub(super) async fn look(
    driver: &WebDriver,
    inside: Option<&WebElement>,
    role: &str,
    name: Option<&str>,
) -> Result<Vec<WebElement>> {
    let inside = inside.map(WebElement::to_json).transpose()?.unwrap_or(Value::Null);
    let found = driver.execute(BY_ROLE, vec![json!(role), json!(name), inside]).await?;
    Ok(found.elements()?)
}

/// Stops the workers of all extensions, as `chrome://serviceworker-internals` does.
pub(super) async fn stop_worker(driver: &WebDriver) -> Result<()> {
    for command in ["ServiceWorker.enable", "ServiceWorker.stopAllWorkers"] {
        driver.cdp().send_raw(command, json!({})).await.context(command)?;
    }
    Ok(())
}

pub(super) fn capabilities(computer: &Workstation) -> Result<Capabilities> {
    let mut arguments = vec![
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--password-store=basic".to_owned(),
        format!("--window-size={},{}", WINDOW.0, WINDOW.1),
        format!("--user-data-dir={}", computer.profile().display()),
        // Gives every element the role and the name that the browser tells to a screen reader.
        "--enable-blink-features=ComputedAccessibilityInfo".to_owned(),
    ];
    if computer.display.is_none() {
        arguments.push("--headless".to_owned());
    }
    let extensions: Vec<_> = computer.extensions().iter().map(|path| path.display().to_string()).collect();
    if !extensions.is_empty() {
        arguments.push(format!("--load-extension={}", extensions.join(",")));
    }
    // It would keep the browser from installing what its policy says.
    const IN_THE_BACKGROUND: &str = "disable-background-networking";
    if !computer.installed {
        arguments.push(format!("--{IN_THE_BACKGROUND}"));
    }
    let capabilities = json!({
        "browserName": "chrome",
        // A stranger's site has a certificate of its own making.
        "acceptInsecureCerts": true,
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        "goog:chromeOptions": {
            "args": arguments,
            "excludeSwitches": if computer.installed { &[IN_THE_BACKGROUND][..] } else { &[] },
            // Without it chromedriver hides the extension's windows.
            "enableExtensionTargets": true,
            "prefs": { "download.default_directory": computer.downloads(), "download.prompt_for_download": false },
        },
    });
    serde_json::from_value(capabilities).context("put the browser's options together")
}
