//! At any moment the browser may stop the extension's worker, the host may die and the page be loaded again; two tabs may
//! want the same token. A person reads what happened, and goes on by a button.

use std::path::Path;

use anyhow::Result;
use qcert_journeys::{
    Browser, Journey, Software,
    journey::TOKEN,
    screens::{confirmation, data, devices, installation, list, pin_window, sensor, waiting},
    token::PIN,
};

const SIGNING_HANGS: &str = "hang sign 1";
const SLOW_GENERATION: &str = "generation-delay 1500";

/// What ends, and takes an operation along.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    WorkerStops,
    HostDies,
}

impl Mishap {
    async fn happen(self, browser: &Browser) -> Result<()> {
        match self {
            Self::WorkerStops => browser.stop_worker().await,
            Self::HostDies => browser.kill_hosts().await,
        }
    }

    /// While the extension's window is open: the person reads in the page what happened, and has no window any more.
    async fn happen_to_an_operation(self, browser: &Browser) -> Result<()> {
        self.happen(browser).await?;
        let sentence = match self {
            Self::WorkerStops => "Расширение перезапущено или удалено.",
            Self::HostDies => {
                browser.read("Программа для работы с носителями неожиданно завершилась.").await?;
                browser.click("button", "Закрыть").await?;
                "Программа на компьютере неожиданно завершилась."
            }
        };
        browser.extension_closed().await?;
        browser.read(sentence).await
    }
}

#[tokio::test]
async fn a_person_goes_on_after_the_worker_was_stopped_at_any_moment() -> Result<()> {
    goes_on_after(Mishap::WorkerStops, Software::Chromium).await
}

#[tokio::test]
async fn a_person_goes_on_after_the_worker_was_stopped_at_any_moment_in_firefox() -> Result<()> {
    goes_on_after(Mishap::WorkerStops, Software::Firefox).await
}

#[tokio::test]
async fn a_person_goes_on_after_the_host_died_at_any_moment() -> Result<()> {
    goes_on_after(Mishap::HostDies, Software::Chromium).await
}

#[tokio::test]
async fn a_person_goes_on_after_the_host_died_at_any_moment_in_firefox() -> Result<()> {
    goes_on_after(Mishap::HostDies, Software::Firefox).await
}

async fn goes_on_after(mishap: Mishap, software: Software) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin_in(software, directory.path(), &[], |_| Ok(())).await?;
    journey.browser.read("Рабочее место готово.").await?;
    mishap.happen(&journey.browser).await?;
    journey.browser.host_runs().await?;
    journey.browser.read("Рабочее место готово.").await?;

    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::lists(&journey.browser, TOKEN).await?;
    mishap.happen(&journey.browser).await?;
    journey.browser.host_runs().await?;
    devices::choose(&journey.browser, TOKEN).await?;
    sensor::fill(&journey.browser, 100).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    mishap.happen_to_an_operation(&journey.browser).await?;

    journey.computer.token.control(SLOW_GENERATION)?;
    journey.ask_for_key().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    pin_window::works_at(&journey.browser, "Создание ключа на носителе").await?;
    mishap.happen_to_an_operation(&journey.browser).await?;
    assert!(journey.token_contents()?.is_empty(), "no half-made pair");

    journey.computer.token.control("")?;
    let key_code = journey.make_request().await?;
    journey.confirm(&key_code).await?;
    journey.wait_for_certificate().await?;
    installation::install(&journey.browser).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    mishap.happen_to_an_operation(&journey.browser).await?;
    journey.browser.host_runs().await?;
    journey.browser.read("подключён.").await?;
    journey.install().await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1);
    Ok(())
}

/// A crash leaves nobody who could remove what was made; the person is told of it when they choose a token again.
async fn left_by_a_dead_host(directory: &Path) -> Result<Journey> {
    let mut journey = Journey::begin(directory).await?;
    journey.computer.token.control(SIGNING_HANGS)?;
    journey.until_pin_asked().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    pin_window::works_at(&journey.browser, "Подпись запроса").await?;
    Mishap::HostDies.happen_to_an_operation(&journey.browser).await?;
    journey.computer.token.control("")?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 1, "the token kept it");

    data::get_certificate(&journey.browser).await?;
    journey.browser.read("На носителе остался ключ без сертификата от прежней попытки:").await?;
    Ok(journey)
}

#[tokio::test]
async fn a_pair_that_a_dead_host_left_behind_is_offered_for_removal() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let journey = left_by_a_dead_host(directory.path()).await?;
    journey.browser.click("button", "Удалить").await?;
    pin_window::enter(&journey.browser, PIN).await?;
    journey.browser.extension_closed().await?;
    devices::choose(&journey.browser, TOKEN).await?;
    assert!(journey.token_contents()?.is_empty());
    sensor::fill(&journey.browser, 100).await?;
    journey.enter_pin().await?;
    Ok(())
}

#[tokio::test]
async fn a_pair_that_a_dead_host_left_behind_is_gone_on_with_and_no_other_is_made() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = left_by_a_dead_host(directory.path()).await?;
    let pair = journey.token_contents()?.private_keys;
    journey.browser.click("button", "продолжить").await?;
    // Nothing is asked of the sensor: the key is there.
    journey.from_pin_to_installed().await?;
    let contents = journey.token_contents()?;
    assert_eq!(contents.private_keys, pair);
    assert_eq!(contents.certificates[0].0, pair[0]);
    Ok(())
}

/// The other steps are those of `leaving.rs`.
#[tokio::test]
async fn a_page_that_is_loaded_again_in_the_middle_of_the_work_begins_that_step_anew() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let slow_authority = [("QCERT__ISSUANCE__WAIT_SECONDS", "3")];
    let mut journey = Journey::begin_with(directory.path(), &slow_authority, |_| Ok(())).await?;
    journey.sign_in().await?;
    journey.open_first().await?;
    data::get_certificate(&journey.browser).await?;
    devices::choose(&journey.browser, TOKEN).await?;
    sensor::fill(&journey.browser, 30).await?;
    journey.browser.reload().await?;
    data::arrive(&journey.browser).await?;

    journey.computer.token.control(SLOW_GENERATION)?;
    journey.ask_for_key().await?;
    pin_window::enter(&journey.browser, PIN).await?;
    pin_window::works_at(&journey.browser, "Создание ключа на носителе").await?;
    let hosts = journey.browser.hosts()?;
    journey.browser.to_page().await?;
    journey.browser.reload().await?;
    journey.browser.extension_closed().await?;
    journey.browser.hosts_end(&hosts).await?;
    assert!(journey.token_contents()?.is_empty(), "no half-made pair");

    journey.computer.token.control("")?;
    let key_code = journey.make_request().await?;
    journey.confirm(&key_code).await?;
    waiting::arrive(&journey.browser).await?;
    journey.browser.reload().await?;
    waiting::arrive(&journey.browser).await?;
    journey.wait_for_certificate().await?;
    installation::install(&journey.browser).await?;
    journey.browser.to_extension("textbox", "Pin-код").await?;
    journey.browser.to_page().await?;
    journey.browser.reload().await?;
    journey.browser.extension_closed().await?;
    journey.browser.read("подключён.").await?;
    journey.install().await?;
    assert_eq!(journey.token_contents()?.certificates.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_second_of_two_tabs_is_told_that_the_token_is_busy_and_goes_on_when_it_is_free() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.until_pin_asked().await?;

    journey.browser.open_tab().await?;
    list::press(&journey.browser, "6671123450", "запросить").await?;
    data::arrive(&journey.browser).await?;
    journey.ask_for_key().await?;
    journey.browser.read("Носитель занят в другом окне портала.").await?;
    journey.browser.read("Завершите или отмените там начатое и нажмите кнопку ещё раз.").await?;
    assert_eq!(journey.browser.extension_windows().await?, 1, "the first one's, in front now");

    let first = journey.enter_pin().await?;
    journey.browser.to_page().await?;
    let second = journey.make_request().await?;
    assert_ne!(first, second);
    journey.browser.to_other_tab().await?;
    confirmation::arrive(&journey.browser).await?;
    journey.browser.read(&first).await?;
    assert_eq!(journey.token_contents()?.private_keys.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_is_done_in_one_tab_is_seen_in_the_other() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut journey = Journey::begin(directory.path()).await?;
    journey.sign_in().await?;
    journey.browser.open_tab().await?;
    journey.open_first().await?;
    let key_code = journey.make_request().await?;
    journey.browser.to_other_tab().await?;
    list::press(&journey.browser, "запрос готовится", "продолжить").await?;
    journey.confirm(&key_code).await?;
    journey.browser.to_other_tab().await?;
    journey.wait_for_certificate().await
}
