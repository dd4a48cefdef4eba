//! The browser on a person's computer, used the way a person does: by what is on screen.
//!
//! Every wait has a limit, and what is said when one is reached includes what was on screen.

mod chromium;
mod firefox;
mod processes;
mod windows;

use std::{
    cell::RefCell,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use thirtyfour::{By, Key, WebDriver, WebElement, WindowHandle, error::WebDriverResult};

use crate::{Portal, Software, Workstation, programs::Daemon};

/// The size of the window, in CSS pixels.
pub const WINDOW: (u32, u32) = (1280, 900);

/// How long a person waits for something to appear.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often they look.
const LOOK: Duration = Duration::from_millis(25);

/// A browser with one window on the portal's page; the person opens further tabs, and the extension windows.
pub struct Browser {
    driver: WebDriver,
    software: Software,
    driver_program: Daemon,
    port: u16,
    /// The tabs of the person, the one they look at last.
    pages: RefCell<Vec<WindowHandle>>,
    origin: String,
}

impl Browser {
    /// Opens a browser on the portal's first page.
    ///
    /// # Errors
    /// The browser or its driver do not start, or the page does not come.
    pub async fn open(computer: &Workstation, portal: &Portal) -> Result<Self> {
        Self::open_at(computer, portal.origin()).await
    }

    /// Opens a browser on the first page of a site that need not be a portal.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_at(computer: &Workstation, origin: String) -> Result<Self> {
        let software = computer.software;
        let ((driver_program, port), capabilities) = match software {
            Software::Chromium => (chromium::start_driver(computer)?, chromium::capabilities(computer)?),
            Software::Firefox => (firefox::start_driver(computer)?, firefox::capabilities(computer)?),
        };
        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities)
            .request_timeout(Duration::from_secs(60))
            .await
            .context("start the browser")?;
        let page = driver.window().await.context("ask for the window")?;
        let pages = RefCell::new(vec![page]);
        let browser = Self { driver, software, driver_program, port, pages, origin };
        if software == Software::Firefox {
            firefox::prepare(&browser.driver, computer).await?;
        }
        browser.go("/").await?;
        if computer.installed {
            browser.wait_for_extension().await?;
        }
        Ok(browser)
    }

    /// A browser that starts for the first time installs what its policy says while the page is already there.
    async fn wait_for_extension(&self) -> Result<()> {
        self.until("the installed extension", async || {
            self.reload().await?;
            let there = self.script("return 'qcertExtension' in document.documentElement.dataset", vec![]).await?;
            Ok(bool::then_some(there, ()))
        })
        .await
    }

    /// Closes the browser, as a person does.
    pub fn close(self) {
        drop(self);
    }

    /// The browser's version.
    pub fn version(&self) -> String {
        self.driver.capabilities().get("browserVersion").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Opens a path of the portal.
    ///
    /// # Errors
    /// The portal cannot be reached.
    pub async fn go(&self, path: &str) -> Result<()> {
        self.visit(&format!("{}{path}", self.origin)).await
    }

    /// Opens any address, as if it were typed.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn visit(&self, address: &str) -> Result<()> {
        self.driver.goto(address).await.with_context(|| format!("open {address}"))
    }

    /// Loads the page again.
    ///
    /// # Errors
    /// The portal cannot be reached.
    pub async fn reload(&self) -> Result<()> {
        self.driver.refresh().await.context("load the page again")
    }

    /// Waits for an element with this role and name.
    ///
    /// # Errors
    /// It does not appear.
    pub async fn find(&self, role: &str, name: &str) -> Result<WebElement> {
        self.find_in(None, role, Some(name)).await
    }

    /// Waits for an element with this role, of any name if none is given, inside another.
    ///
    /// # Errors
    /// It does not appear.
    pub async fn find_in(&self, inside: Option<&WebElement>, role: &str, name: Option<&str>) -> Result<WebElement> {
        let wanted = format!("{role} {}", name.unwrap_or_default());
        self.until(&wanted, async || Ok(self.look(inside, role, name).await?.into_iter().next())).await
    }

    /// The elements that have this role, and this name if one is given, now.
    ///
    /// # Errors
    /// The browser does not answer, or the element to look in is gone.
    pub async fn look(&self, inside: Option<&WebElement>, role: &str, name: Option<&str>) -> Result<Vec<WebElement>> {
        match self.software {
            Software::Chromium => chromium::look(&self.driver, inside, role, name).await,
            Software::Firefox => firefox::look(&self.driver, inside, role, name).await,
        }
    }

    /// Is there such an element now?
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn sees(&self, role: &str, name: &str) -> Result<bool> {
        Ok(!self.look(None, role, Some(name)).await?.is_empty())
    }

    /// Waits until there is no such element.
    ///
    /// # Errors
    /// It stays.
    pub async fn gone(&self, role: &str, name: &str) -> Result<()> {
        let gone = async || Ok(self.look(None, role, Some(name)).await?.is_empty().then_some(()));
        self.until(&format!("the end of {role} {name}"), gone).await
    }

    /// Waits until the page shows a text.
    ///
    /// # Errors
    /// It does not appear.
    pub async fn read(&self, text: &str) -> Result<()> {
        let shown = async || Ok(self.text().await?.contains(text).then_some(()));
        self.until(&format!("the text “{text}”"), shown).await
    }

    /// All text on screen, with every space a plain one.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn text(&self) -> Result<String> {
        let text: String = self.script("return document.body?.innerText ?? ''", vec![]).await?;
        Ok(text.replace('\u{a0}', " "))
    }

    /// Clicks an element as soon as it is there and can be clicked.
    ///
    /// # Errors
    /// It does not appear, or stays disabled or covered.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        self.click_in(None, role, Some(name)).await
    }

    /// Clicks an element inside another.
    ///
    /// # Errors
    /// As [`Self::click`].
    pub async fn click_in(&self, inside: Option<&WebElement>, role: &str, name: Option<&str>) -> Result<()> {
        let wanted = format!("a click on {role} {}", name.unwrap_or_default());
        let click = async || {
            let Some(element) = self.look(inside, role, name).await?.into_iter().next() else { return Ok(None) };
            if self.disabled(&element).await? {
                return Ok(None);
            }
            // Covered by something that is about to go, or replaced meanwhile: looked for again.
            Ok(element.click().await.ok())
        };
        self.until(&wanted, click).await
    }

    /// Is an element switched off?
    ///
    /// # Errors
    /// The element is gone.
    pub async fn disabled(&self, element: &WebElement) -> Result<bool> {
        self.script("return arguments[0].matches(':disabled, [aria-disabled=true]')", vec![element.to_json()?]).await
    }

    /// Types into a textbox, in place of what was there.
    ///
    /// # Errors
    /// There is no such textbox.
    pub async fn type_into(&self, name: &str, text: &str) -> Result<()> {
        let typed = async || {
            let Some(textbox) = self.look(None, "textbox", Some(name)).await?.into_iter().next() else {
                return Ok(None);
            };
            if self.disabled(&textbox).await? {
                return Ok(None);
            }
            Ok(self.replace_text(&textbox, text).await.ok())
        };
        self.until(&format!("the textbox {name}"), typed).await
    }

    async fn replace_text(&self, textbox: &WebElement, text: &str) -> WebDriverResult<()> {
        textbox.click().await?;
        textbox.send_keys(Key::Control + "a").await?;
        textbox.send_keys(Key::Delete + "").await?;
        textbox.send_keys(text).await
    }

    /// Moves the mouse from place to place, in pixels of the window.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn move_mouse(&self, places: &[(i64, i64)]) -> Result<()> {
        let mut mouse = self.driver.action_chain_with_delay(None, Some(Duration::from_millis(4)));
        for (x, y) in places {
            mouse = mouse.move_to(*x, *y);
        }
        mouse.perform().await.context("move the mouse")
    }

    /// Chooses a file in the page's one field for files.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn choose_file(&self, file: &Path) -> Result<()> {
        let field = self.driver.find(By::Css("input[type=file]")).await.context("find the field for a file")?;
        field.send_keys(file.to_string_lossy()).await.context("choose the file")
    }

    /// Presses keys one after the other.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn press(&self, keys: &str) -> Result<()> {
        self.driver.action_chain().send_keys(keys).perform().await.context("press keys")
    }

    /// A picture of what is on screen.
    ///
    /// # Errors
    /// It cannot be taken or written.
    pub async fn picture(&self, file: &Path) -> Result<()> {
        self.driver.screenshot(file).await.with_context(|| format!("take {}", file.display()))
    }

    /// Runs a script in the window that is looked at: for what a person cannot do, such as two clicks at one moment.
    ///
    /// # Errors
    /// It throws, or returns something else.
    pub async fn script<T: serde::de::DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> Result<T> {
        Ok(self.driver.execute(script, arguments).await?.convert()?)
    }

    /// Runs a script that answers later, through the function that is its last argument.
    ///
    /// # Errors
    /// It throws, returns something else, or takes too long.
    pub async fn script_later<T: serde::de::DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> Result<T> {
        Ok(self.driver.execute_async(script, arguments).await?.convert()?)
    }

    /// Everything that the page sent since this was last asked: address and body of each request. Chromium alone keeps
    /// such a log.
    ///
    /// # Errors
    /// The browser does not answer, or is another.
    pub async fn sent(&self) -> Result<Vec<(String, String)>> {
        let mut sent = Vec::new();
        for entry in self.driver.get_log("performance").await.context("read the log of the network")? {
            let entry: Value = serde_json::from_str(&entry.message)?;
            let event = &entry["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let request = &event["params"]["request"];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                sent.push((text(&request["url"]), text(&request["postData"])));
            }
        }
        Ok(sent)
    }

    /// Looks again and again until something is found.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        let search = async {
            loop {
                // A page that is being replaced answers with an error; the next one may have it.
                if let Ok(Some(found)) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => Ok(found),
            Err(_) => bail!("waited in vain for {what}; on screen:\n{}", self.text().await.unwrap_or_default()),
        }
    }
}

/// Ends the browser, also when a test fails: killing its driver alone would leave it behind.
impl Drop for Browser {
    fn drop(&mut self) {
        let end = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let session = self.driver.session_id();
            let host = format!("127.0.0.1:{}", self.port);
            write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
            // The answer comes when the browser has ended.
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            if answer.ends_with(b" 200") {
                return Ok(());
            }
            Err(std::io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
        };
        if let Err(error) = end() {
            eprintln!("the browser was not ended: {error}");
        }
        // Else the driver's own drop ends the session a second time, over a connection whose runtime stands still here,
        // and waits for its whole time-out. An error says that the session was quit already.
        let _ = self.driver.clone().leak();
    }
}
