//! What a person does, from a telephone number to an installed certificate.

use std::{path::Path, rc::Rc};

use anyhow::{Context, Result};

use crate::{
    Browser, Portal, Settings, Software, Workstation,
    contents::Contents,
    portal,
    screens::{confirmation, data, devices, installation, list, pin_window, sensor, sign_in, waiting},
    token::{FACTORY_PIN, PIN},
};

/// The first person of `demo/applications.json`, as they type their number.
pub const PHONE: &str = "+7 922 211 4545";

/// The label of a test's token.
pub const TOKEN: &str = "Рутокен";

/// A person who signs in twice need not wait two minutes for the second message.
pub const QUICK: Settings<'static> = &[("QCERT__OTP__RESEND_SECONDS", "1")];

/// A person on the way: their computer, their browser, and how much of their text messages they have read.
pub struct Journey {
    /// The authority.
    pub portal: Rc<Portal>,
    /// The person's computer.
    pub computer: Workstation,
    /// The browser on it.
    pub browser: Browser,
    phone: String,
    pin: String,
    read: usize,
}

impl Journey {
    /// Sets up an authority and a computer in a directory, and opens the portal's page.
    ///
    /// # Errors
    /// Something is not built, or does not start.
    pub async fn begin(directory: &Path) -> Result<Self> {
        Self::begin_with(directory, &[], |_| Ok(())).await
    }

    /// The same with other settings of the server, and a computer on which something is otherwise.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_with(
        directory: &Path,
        settings: Settings<'_>,
        change: impl FnOnce(&mut Workstation) -> Result<()>,
    ) -> Result<Self> {
        Self::begin_in(Software::usual(), directory, settings, change).await
    }

    /// The same in a browser of one's choice.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_in(
        software: Software,
        directory: &Path,
        settings: Settings<'_>,
        change: impl FnOnce(&mut Workstation) -> Result<()>,
    ) -> Result<Self> {
        let portal = Rc::new(Portal::start(&directory.join("portal"), &[QUICK, settings].concat())?);
        let mut computer = Workstation::set_up_with(&directory.join("computer"), &portal, PIN, software)?;
        change(&mut computer)?;
        Self::sit_down(portal, computer, PHONE).await
    }

    /// The same with the host and the extension that a package has installed on this machine, for a portal at this port of
    /// `localhost`.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begin_as_installed(software: Software, directory: &Path, port: u16) -> Result<Self> {
        let portal = Rc::new(Portal::start_at(&directory.join("portal"), QUICK, port)?);
        let computer = Workstation::as_installed(&directory.join("computer"), software)?;
        Self::sit_down(portal, computer, PHONE).await
    }

    /// A person sits down at a computer and opens the portal's page.
    ///
    /// # Errors
    /// The browser does not start.
    pub async fn sit_down(portal: Rc<Portal>, computer: Workstation, phone: &str) -> Result<Self> {
        let browser = Browser::open(&computer, &portal).await?;
        let phone = phone.to_owned();
        let pin = computer.pin.clone();
        let mut journey = Self { portal, computer, browser, phone, pin, read: 0 };
        journey.read = journey.portal.messages(&journey.number()).len();
        Ok(journey)
    }

    /// Closes the browser and opens it again; its profile stays, and its session cookie goes.
    ///
    /// # Errors
    /// The browser does not start.
    pub async fn reopen_browser(self) -> Result<Self> {
        let Self { portal, computer, browser, phone, pin, read } = self;
        browser.close();
        let browser = Browser::open(&computer, &portal).await?;
        Ok(Self { portal, computer, browser, phone, pin, read })
    }

    /// The one-time password of the next text message, and the whole message.
    ///
    /// # Errors
    /// None comes.
    pub async fn next_password(&mut self) -> Result<(String, String)> {
        let message = self.portal.message(&self.number(), self.read + 1).await?;
        self.read += 1;
        Ok((portal::password(&message)?.to_owned(), message))
    }

    /// Figures 1 and 2: asks for a password, and reads it.
    ///
    /// # Errors
    /// The screen is another, or no message comes.
    pub async fn order_password(&mut self) -> Result<String> {
        sign_in::order_password(&self.browser, &self.phone).await?;
        Ok(self.next_password().await?.0)
    }

    /// Figures 1 to 3: signs in. What is seen next depends on where the person was before.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn sign_in(&mut self) -> Result<()> {
        let password = self.order_password().await?;
        sign_in::enter_password(&self.browser, &password).await?;
        self.browser.gone("heading", "Авторизация").await
    }

    /// Figure 4: opens the first certificate that can be requested.
    ///
    /// # Errors
    /// There is none.
    pub async fn open_first(&self) -> Result<()> {
        list::press(&self.browser, "можно запросить", "запросить").await?;
        data::arrive(&self.browser).await
    }

    /// Figures 5 to 7: from the data to the extension's window.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn ask_for_key(&self) -> Result<()> {
        data::get_certificate(&self.browser).await?;
        devices::choose(&self.browser, TOKEN).await?;
        sensor::fill(&self.browser, 100).await
    }

    /// From the first page to the extension's window, which asks for the PIN.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn until_pin_asked(&mut self) -> Result<()> {
        self.sign_in().await?;
        self.open_first().await?;
        self.ask_for_key().await?;
        self.browser.to_extension("textbox", "Pin-код").await
    }

    /// Figure 8: types the PIN, and returns the key's code when the extension's window shows it.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn enter_pin(&self) -> Result<String> {
        self.type_pin().await?;
        pin_window::key_code(&self.browser).await
    }

    async fn type_pin(&self) -> Result<()> {
        pin_window::enter(&self.browser, &self.pin).await?;
        if self.pin == FACTORY_PIN { pin_window::keep_factory_pin(&self.browser).await } else { Ok(()) }
    }

    /// Figures 5 to 8: makes the key pair and the request; the page asks for the second password then.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn make_request(&self) -> Result<String> {
        self.ask_for_key().await?;
        let code = self.enter_pin().await?;
        self.browser.to_page().await?;
        confirmation::arrive(&self.browser).await?;
        Ok(code)
    }

    /// Figure 9: confirms the request.
    ///
    /// # Errors
    /// The message does not come, or does not name the key's code.
    pub async fn confirm(&mut self, key_code: &str) -> Result<()> {
        let (password, message) = self.next_password().await?;
        message.contains(key_code).then_some(()).context("the text message names another key")?;
        confirmation::send(&self.browser, &password).await
    }

    /// Figure 10: waits until the certificate is issued.
    ///
    /// # Errors
    /// It is not.
    pub async fn wait_for_certificate(&self) -> Result<()> {
        installation::arrive(&self.browser).await
    }

    /// Figures 11 and 12: installs the certificate on the token.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn install(&self) -> Result<()> {
        installation::install(&self.browser).await?;
        self.enter_pin_to_install().await?;
        installation::installed(&self.browser).await
    }

    /// Types the PIN with which the certificate is written, and waits until the window closes.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn enter_pin_to_install(&self) -> Result<()> {
        self.type_pin().await?;
        self.browser.extension_closed().await
    }

    /// From the first page to the sent request.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn until_sent(&mut self) -> Result<()> {
        self.sign_in().await?;
        self.open_first().await?;
        let code = self.make_request().await?;
        self.confirm(&code).await
    }

    /// From the extension's window, which asks for the PIN of a pair, to the certificate beside it.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn from_pin_to_installed(&mut self) -> Result<()> {
        let key_code = self.enter_pin().await?;
        self.browser.to_page().await?;
        confirmation::arrive(&self.browser).await?;
        self.confirm(&key_code).await?;
        self.wait_for_certificate().await?;
        self.install().await
    }

    /// Is the waiting screen or its successor reached?
    ///
    /// # Errors
    /// Neither comes.
    pub async fn sent(&self) -> Result<()> {
        waiting::arrive(&self.browser).await
    }

    /// What is on the person's token.
    ///
    /// # Errors
    /// The token does not answer.
    pub fn token_contents(&self) -> Result<Contents> {
        self.computer.token.contents(&self.pin)
    }

    /// The PIN again, with which a key pair is removed; the window closes when that is done.
    ///
    /// # Errors
    /// Some step does not come.
    pub async fn confirm_removal(&self) -> Result<()> {
        self.type_pin().await?;
        self.browser.to_page().await
    }

    /// The telephone number as the server writes it.
    pub fn number(&self) -> String {
        self.phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }
}
