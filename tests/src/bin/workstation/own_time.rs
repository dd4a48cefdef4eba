//! The journey's own time in each browser: from the first page to the certificate on the token, without what is a person's:
//! the mouse, and reading text messages.

use anyhow::Result;
use qcert_journeys::{
    Journey, Software,
    figure::Figure,
    journey::TOKEN,
    screens::{confirmation, data, devices, list, sensor, sign_in},
    stopwatch::Stopwatch,
};

pub async fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for software in [Software::Chromium, Software::Firefox] {
        let name = format!("the journey's own time, {software:?}");
        figures.push(Figure::new(&name, walk(software).await?, None, "ms"));
    }
    Ok(figures)
}

/// Milliseconds.
async fn walk(software: Software) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_in(software, directory.path(), &[], |_| Ok(())).await?;
    let mut own = Stopwatch::default();
    own.time("load the page", async {
        journey.browser.reload().await?;
        journey.browser.read("Рабочее место готово.").await
    })
    .await?;
    let password = journey.order_password().await?;
    own.time("sign in", async {
        sign_in::enter_password(&journey.browser, &password).await?;
        list::arrive(&journey.browser).await
    })
    .await?;
    own.time("from the list to the sensor", async {
        journey.open_first().await?;
        data::get_certificate(&journey.browser).await?;
        devices::choose(&journey.browser, TOKEN).await
    })
    .await?;
    sensor::fill(&journey.browser, 100).await?;
    own.time("from the PIN to the request", async {
        journey.enter_pin().await?;
        journey.browser.to_page().await?;
        confirmation::arrive(&journey.browser).await
    })
    .await?;
    let (password, _) = journey.next_password().await?;
    own.time("from the second password to the certificate", async {
        confirmation::send(&journey.browser, &password).await?;
        journey.wait_for_certificate().await?;
        journey.install().await
    })
    .await?;
    println!("{software:?}{own}");
    #[allow(clippy::cast_precision_loss)] // minutes at most
    Ok(own.in_all() as f64)
}
