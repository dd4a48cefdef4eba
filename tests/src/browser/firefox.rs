//! Firefox: how it is started, how it gets the extension, and how it is asked for roles and names.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use thirtyfour::{
    Capabilities, RequestData, SessionId, WebDriver, WebElement, common::command::FormatRequestData,
    extensions::addons::firefox::FirefoxTools,
};

use super::WINDOW;
use crate::{Workstation, programs::Daemon};

const CANDIDATES: &str = concat!(include_str!("likely.js"), include_str!("candidates.js"));

/// Starts geckodriver; answers its port too.
pub(super) fn start_driver(computer: &Workstation) -> Result<(Daemon, u16)> {
    let mut start = Command::new("geckodriver");
    // The system is what stops an extension's worker.
    start.args(["--port", "0", "--allow-system-access"]);
    let mut driver = Daemon::start(computer.furnish(&mut start), computer.path("geckodriver.log"))?;
    let port = driver.wait_for("geckodriver's port", |daemon| {
        let printed = daemon.printed();
        let after = printed.split_once("Listening on 127.0.0.1:")?.1;
        after.split_whitespace().next()?.parse::<u16>().ok()
    })?;
    Ok((driver, port))
}

/// The window's size, and the extensions, which a driver adds to a running Firefox.
pub(super) async fn prepare(driver: &WebDriver, computer: &Workstation) -> Result<()> {
    driver.set_window_rect(0, 0, WINDOW.0, WINDOW.1).await.context("size the window")?;
    let tools = FirefoxTools::new(driver.handle().clone());
    for directory in computer.extensions() {
        tools.install_addon(&directory.to_string_lossy(), Some(true)).await.context("add an extension")?;
    }
    Ok(())
}

const STOP_WORKER: &str = "
    const [done] = arguments;
    const { extension } = WebExtensionPolicy.getByID('portal@qcert.ru');
    // As it is told when memory is short: whatever the worker still has open.
    extension.terminateBackground({ disableResetIdleForTest: true }).then(() => done(extension.backgroundState));";

/// Stops the extension's worker, which Firefox calls an event page.
pub(super) async fn stop_worker(driver: &WebDriver) -> Result<()> {
    let stopped = async {
        driver.handle().cmd(ScriptsOf("chrome")).await?;
        let state = driver.execute_async(STOP_WORKER, vec![]).await?;
        driver.handle().cmd(ScriptsOf("content")).await?;
        state.convert::<String>()
    };
    let state = stopped.await.context("stop the extension's worker")?;
    ensure!(state == "stopped", "the extension's worker is {state}");
    Ok(())
}

/// Whether scripts are the browser's own or a page's (Marionette).
#[derive(Debug)]
struct ScriptsOf(&'static str);

impl FormatRequestData for ScriptsOf {
    fn format_request(&self, session: &SessionId) -> RequestData {
        RequestData::new(http::Method::POST, format!("/session/{session}/moz/context"))
            .add_body(json!({ "context": self.0 }))
    }
}

/// The elements that have a role, and a name if one is given. A page's script is not told either; the driver is.
pub(super) async fn look(
    driver: &WebDriver,
    inside: Option<&WebElement>,
    role: &str,
    name: Option<&str>,
) -> Result<Vec<WebElement>> {
    let inside = inside.map(WebElement::to_json).transpose()?.unwrap_or(Value::Null);
    let candidates = driver.execute(CANDIDATES, vec![json!(role), inside]).await?.elements()?;
    let mut found = Vec::new();
    for element in candidates {
        if !has_role(&element, role).await? {
            continue;
        }
        if let Some(name) = name
            && Told::Label.of(&element).await?.split_whitespace().collect::<Vec<_>>().join(" ") != name
        {
            continue;
        }
        found.push(element);
    }
    Ok(found)
}

async fn has_role(element: &WebElement, role: &str) -> Result<bool> {
    if Told::Role.of(element).await? == role {
        return Ok(true);
    }
    // ARIA has no role for where a password is typed (HTML-AAM), and Firefox gives it none; Chromium says textbox.
    Ok(role == "textbox" && element.attr("type").await?.as_deref() == Some("password"))
}

/// What a screen reader is told of an element (WebDriver §12.4.9 and §12.4.10).
#[derive(Clone, Copy, Debug)]
enum Told {
    Role,
    Label,
}

impl Told {
    async fn of(self, element: &WebElement) -> Result<String> {
        let question = Question { told: self, element: element.element_id().to_string() };
        Ok(element.handle().cmd(question).await?.value::<Option<String>>()?.unwrap_or_default())
    }
}

#[derive(Debug)]
struct Question {
    told: Told,
    element: String,
}

impl FormatRequestData for Question {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let word = match self.told {
            Told::Role => "computedrole",
            Told::Label => "computedlabel",
        };
        RequestData::new(http::Method::GET, format!("/session/{session}/element/{}/{word}", self.element))
    }
}

pub(super) fn capabilities(computer: &Workstation) -> Result<Capabilities> {
    let mut capabilities = json!({
        "browserName": "firefox",
        "acceptInsecureCerts": true,
        "moz:firefoxOptions": {
            "binary": "/usr/bin/firefox-esr",
            "args": ["-profile", computer.profile()],
            "prefs": {
                // Who has one certificate does not choose.
                "security.default_personal_cert": "Select Automatically",
                "browser.download.folderList": 2,
                "browser.download.dir": computer.downloads(),
                "browser.download.alwaysOpenPanel": false,
                // Nothing is asked of the world outside, as Chromium is told above.
                "app.update.enabled": false,
                "browser.safebrowsing.downloads.enabled": false,
                "datareporting.policy.dataSubmissionEnabled": false,
                "extensions.update.enabled": false,
                "network.captive-portal-service.enabled": false,
                "network.connectivity-service.enabled": false,
            },
        },
    });
    if computer.display.is_none()
        && let Some(arguments) = capabilities["moz:firefoxOptions"]["args"].as_array_mut()
    {
        arguments.push(json!("-headless"));
    }
    if computer.installed {
        // A driver has Firefox look for add-ons in the profile alone; this is what Firefox does by itself.
        capabilities["moz:firefoxOptions"]["prefs"]["extensions.enabledScopes"] = json!(15);
    }
    serde_json::from_value(capabilities).context("put the browser's options together")
}
