//! The browser's windows: the person's tabs, and what the extension opens.

use anyhow::{Context, Result};
use thirtyfour::WindowHandle;

use super::Browser;

impl Browser {
    /// Opens another tab on the portal's first page, and looks at it: it is the page from now on.
    ///
    /// # Errors
    /// The browser does not open it, or the portal cannot be reached.
    pub async fn open_tab(&self) -> Result<()> {
        let tab = self.driver.new_tab().await.context("open a tab")?;
        self.pages.borrow_mut().push(tab);
        self.to_page().await?;
        self.go("/").await
    }

    /// Looks at the tab that was looked at before this one.
    ///
    /// # Errors
    /// It is closed.
    pub async fn to_other_tab(&self) -> Result<()> {
        self.pages.borrow_mut().rotate_right(1);
        self.to_page().await
    }

    /// Waits until the tab that is looked at closes itself, and looks at the one before.
    ///
    /// # Errors
    /// It stays.
    pub async fn tab_closes(&self) -> Result<()> {
        let tab = self.pages.borrow().last().cloned().context("no tab is open")?;
        let closed = async || Ok((!self.driver.windows().await?.contains(&tab)).then_some(()));
        self.until("the end of the tab", closed).await?;
        self.pages.borrow_mut().pop();
        self.to_page().await
    }

    /// Waits for the window of the extension that shows an element, and looks at it: one from before may still close.
    ///
    /// # Errors
    /// It does not open, or shows something else.
    pub async fn to_extension(&self, role: &str, name: &str) -> Result<()> {
        self.until(&format!("the extension's window with {role} {name}"), async || {
            for window in self.other_windows().await? {
                if self.driver.switch_to_window(window).await.is_ok() {
                    let address = self.driver.current_url().await;
                    let ours = address.is_ok_and(|address| address.scheme().ends_with("-extension"));
                    if ours && self.sees(role, name).await.unwrap_or(false) {
                        return Ok(Some(()));
                    }
                }
            }
            Ok(None)
        })
        .await
    }

    /// Waits for a window whose address ends so, and looks at it.
    ///
    /// # Errors
    /// It does not open.
    pub async fn to_window(&self, end: &str) -> Result<()> {
        self.until(&format!("a window on {end}"), async || {
            for window in self.other_windows().await? {
                if self.driver.switch_to_window(window).await.is_ok()
                    && self.driver.current_url().await?.as_str().ends_with(end)
                {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Looks into a frame of the page that is looked at; [`Self::to_page`] looks out of it again.
    ///
    /// # Errors
    /// There is none of this number.
    pub async fn enter_frame(&self, number: u16) -> Result<()> {
        self.driver.enter_frame(number).await.context("look into a frame")
    }

    /// Looks at the portal's page again.
    ///
    /// # Errors
    /// It is closed.
    pub async fn to_page(&self) -> Result<()> {
        let page = self.pages.borrow().last().cloned().context("no tab is open")?;
        self.driver.switch_to_window(page).await.context("look at the page")
    }

    /// How many windows are open that are not the person's own tabs.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn extension_windows(&self) -> Result<usize> {
        Ok(self.other_windows().await?.len())
    }

    async fn other_windows(&self) -> Result<Vec<WindowHandle>> {
        let mut windows = self.driver.windows().await?;
        windows.retain(|window| !self.pages.borrow().contains(window));
        Ok(windows)
    }

    /// Waits until the extension has no window, and looks at the page.
    ///
    /// # Errors
    /// One stays open.
    pub async fn extension_closed(&self) -> Result<()> {
        let closed = async || Ok((self.extension_windows().await? == 0).then_some(()));
        self.to_page().await?;
        self.until("the end of the extension's window", closed).await
    }

    /// Closes the window that is looked at, as its cross does, and looks at the page.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn close_window(&self) -> Result<()> {
        self.driver.close_window().await.context("close the window")?;
        self.to_page().await
    }
}
