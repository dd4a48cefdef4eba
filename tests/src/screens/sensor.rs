//! Figure 7: the dialog `Биологический датчик случайных чисел`.

use anyhow::{Result, bail};

use crate::{Browser, hand::Hand};

/// The dialog's name.
pub const DIALOG: &str = "Биологический датчик случайных чисел";

/// Moves the mouse until the bar shows at least so many percent, or the dialog has all it wants and closes.
///
/// # Errors
/// The bar does not fill.
pub async fn fill(browser: &Browser, percent: u32) -> Result<()> {
    if percent < 100 {
        browser.find("dialog", DIALOG).await?;
    }
    let seed = u64::from(percent);
    let mut hand = Hand::new(seed);
    for _ in 0..40 {
        let Some(shown) = shown(browser).await? else { return Ok(()) };
        if shown >= percent {
            return Ok(());
        }
        browser.move_mouse(&hand.stroke()).await?;
    }
    bail!("the mouse moves and the bar does not fill (seed {seed})")
}

/// The percentage on screen; nothing once the dialog is gone.
///
/// # Errors
/// The browser does not answer.
pub async fn shown(browser: &Browser) -> Result<Option<u32>> {
    let dialogs = browser.look(None, "dialog", Some(DIALOG)).await?;
    let Some(dialog) = dialogs.first() else { return Ok(None) };
    let Some(bar) = browser.look(Some(dialog), "progressbar", None).await?.into_iter().next() else { return Ok(None) };
    Ok(bar.attr("aria-valuenow").await?.and_then(|text| text.parse().ok()))
}
