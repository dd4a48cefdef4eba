//! The issuing key in an HSM: SoftHSM, behind a shim that takes the token away.

use std::process::Command;

use qcert_server::ca::Ca;
use time::Duration;

use crate::{
    softhsm::{PIN, SoftHsm},
    support::{Place, signs},
};

fn place(settings: &str) -> (Place, SoftHsm) {
    let place = Place::with("");
    let hsm = SoftHsm::new(&place.path(""));
    (with(place, settings, &hsm), hsm)
}

/// A place of its own for a test that has this process and its token to itself.
fn alone(test: &str) -> Option<(Place, SoftHsm)> {
    let hsm = SoftHsm::alone(&format!("in_an_hsm::{test}"))?;
    Some((with(Place::with(""), "", &hsm), hsm))
}

fn with(mut place: Place, settings: &str, hsm: &SoftHsm) -> Place {
    for (name, value) in hsm.environment() {
        place.environment(&name, value);
    }
    place.change(&format!("{settings}\n{}", hsm.settings()));
    place
}

/// The authority in this process, whose environment the module reads.
fn load(place: &Place) -> Ca {
    place.load(Duration::ZERO).0
}

#[test]
fn a_key_is_made_on_the_token_and_stays_there() {
    for kind in ["P-256", "RSA-3072"] {
        let (place, hsm) = place(&format!("[ca]\nissuing_key = '{kind}'"));
        place.done("ca init");
        assert!(!place.files().iter().any(|name| name.starts_with("issuing-") && name.ends_with(".key")));
        assert_eq!(place.list()[0].2, "hsm");
        place.openssl_does(&format!("verify -x509_strict -CAfile data/ca/root.pem {}", place.file(".pem")));
        let mut tool = Command::new("pkcs11-tool");
        tool.args(["--module", "/usr/lib/softhsm/libsofthsm2.so", "--login", "--pin", PIN, "-O", "--type", "privkey"]);
        let shown = tool.envs(hsm.environment()).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(&place.list()[0].0), "CKA_ID is the key identifier: {shown}");
        assert!(shown.contains("sensitive, always sensitive, never extractable"), "{shown}");
    }
}

#[tokio::test]
async fn many_signatures_are_made_at_once() {
    let Some((place, _)) = alone("many_signatures_are_made_at_once") else { return };
    place.done("ca init");
    let ca = load(&place);
    let current = ca.current();
    let signed = futures_util::future::join_all((0..40).map(|_| signs(&current))).await;
    signed.into_iter().for_each(|signed| signed.unwrap());
}

#[tokio::test]
async fn an_hsm_that_went_away_signs_when_it_is_back() {
    let Some((place, hsm)) = alone("an_hsm_that_went_away_signs_when_it_is_back") else { return };
    place.done("ca init");
    let ca = load(&place);
    signs(&ca.current()).await.unwrap();
    for away in ["token out", "reader out"] {
        hsm.control(away);
        assert!(signs(&ca.current()).await.is_err(), "{away}");
        hsm.control("");
        signs(&ca.current()).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_goes_before_any_call_signs_when_it_is_back() {
    goes_at_every_call("a_token_that_goes_before_any_call_signs_when_it_is_back", "before-call").await;
}

#[tokio::test]
async fn a_token_that_goes_after_any_call_signs_when_it_is_back() {
    goes_at_every_call("a_token_that_goes_after_any_call_signs_when_it_is_back", "after-call").await;
}

async fn goes_at_every_call(test: &str, when: &str) {
    let Some((place, hsm)) = alone(test) else { return };
    place.done("ca init");
    let ca = load(&place);
    // The shim counts on: a call that is reached is the last one that is counted in its round.
    let (mut rounds, mut counted) = (0, 0);
    for call in 1..50 {
        hsm.control(&format!("pull {when} {}", counted + call));
        if signs(&ca.current()).await.is_ok() {
            break;
        }
        (rounds, counted) = (rounds + 1, counted + call);
        hsm.control("");
    }
    assert!(rounds > 3, "the token went at {rounds} calls");
    hsm.control("");
    signs(&ca.current()).await.unwrap();
}

#[tokio::test]
async fn a_server_starts_while_its_hsm_is_away() {
    let Some((place, hsm)) = alone("a_server_starts_while_its_hsm_is_away") else { return };
    place.done("ca init");
    hsm.control("token out");
    assert_eq!(place.serve().chain().len(), 2);
    let ca = load(&place);
    assert!(signs(&ca.current()).await.is_err());
    hsm.control("");
    signs(&ca.current()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once_and_the_right_one_helps() {
    let Some((place, hsm)) = alone("a_wrong_pin_is_tried_once_and_the_right_one_helps") else { return };
    place.done("ca init");
    hsm.control("lock-after 3");
    hsm.pin("00000000");
    let ca = load(&place);
    let current = ca.current();
    let tries = futures_util::future::join_all((0..12).map(|_| signs(&current))).await;
    for error in tries.into_iter().map(Result::unwrap_err) {
        let told = format!("{error:#}");
        assert!(told.contains("the HSM refuses") && !told.contains("00000000"), "{told}");
    }
    assert_eq!(hsm.wrong_pins(), 1);
    hsm.pin(PIN);
    signs(&ca.current()).await.unwrap();
}

#[tokio::test]
async fn calls_that_never_return_are_given_up_and_others_are_made() {
    let Some((place, hsm)) = impatient("calls_that_never_return_are_given_up_and_others_are_made", 2) else { return };
    let ca = load(&place);
    let current = ca.current();
    signs(&current).await.unwrap();
    hsm.control("hang sign 2");
    for hangs in futures_util::future::join_all([signs(&current), signs(&current)]).await {
        assert!(format!("{:#}", hangs.unwrap_err()).contains("did not answer in 1 seconds"));
    }
    // Both threads hang; others take their places a moment later.
    until(async || signs(&current).await.is_ok()).await;
    let many = futures_util::future::join_all((0..20).map(|_| signs(&current))).await;
    many.into_iter().for_each(|signed| signed.unwrap());
    hsm.control("hang end");
    let many = futures_util::future::join_all((0..20).map(|_| signs(&current))).await;
    many.into_iter().for_each(|signed| signed.unwrap());
}

#[tokio::test]
async fn when_too_many_calls_hang_it_is_told_at_once_until_one_returns() {
    let Some((place, hsm)) = impatient("when_too_many_calls_hang_it_is_told_at_once_until_one_returns", 1) else {
        return;
    };
    let ca = load(&place);
    let current = ca.current();
    hsm.control("hang sign 1000");
    let told = async || format!("{:#}", signs(&current).await.unwrap_err());
    until(async || told().await.contains("5 calls hang in the HSM's module, and no more are made")).await;
    // Otherwise each would wait for its second.
    for _ in 0..20 {
        let at_once = tokio::time::timeout(std::time::Duration::from_millis(500), told()).await;
        assert!(at_once.unwrap().contains("restart the server"));
    }
    hsm.control("hang end");
    until(async || signs(&current).await.is_ok()).await;
}

/// An authority whose HSM has a second for a signature.
fn impatient(test: &str, sessions: usize) -> Option<(Place, SoftHsm)> {
    let (mut place, hsm) = alone(test)?;
    place.change(&format!("{}sessions = {sessions}\ntimeout_seconds = 1\n", hsm.settings()));
    place.done("ca init");
    Some((place, hsm))
}

/// Tries until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..30 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("it does not come to that");
}

#[test]
fn the_next_key_can_be_in_an_hsm_though_the_one_before_is_in_a_file() {
    let Some((mut place, hsm)) = alone("the_next_key_can_be_in_an_hsm_though_the_one_before_is_in_a_file") else {
        return;
    };
    place.change("");
    place.done("ca init");
    place.change(&hsm.settings());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    let places: Vec<String> = place.list().into_iter().map(|(_, state, key)| format!("{state} {key}")).collect();
    assert_eq!(places, ["issuing hsm", "retired file"]);
    assert_eq!(load(&place).issuers().len(), 2);
}

#[tokio::test]
async fn a_running_server_takes_the_next_key_from_the_hsm_or_a_file_that_comes_late() {
    let Some((mut place, hsm)) = alone("a_running_server_takes_the_next_key_from_the_hsm_or_a_file_that_comes_late")
    else {
        return;
    };
    place.done("ca init");
    let (ca, clock) = place.load(Duration::ZERO);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca rollover");
    assert_eq!(ca.notice().len(), 1);
    clock.advance(Duration::MINUTE);
    assert_eq!(ca.current().id(), load(&place).current().id());
    signs(&ca.current()).await.unwrap();
    signs(&ca.issuers()[1]).await.unwrap();

    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.change("");
    place.done("ca rollover");
    place.change(&hsm.settings());
    let name = place.files().into_iter().find(|name| name.starts_with("issuing-") && name.ends_with(".key")).unwrap();
    let (file, elsewhere) = (place.path(&format!("data/ca/{name}")), place.path("elsewhere.key"));
    std::fs::rename(&file, &elsewhere).unwrap();
    let noticed = ca.notice();
    assert_eq!(noticed.len(), 1);
    let issuer = ca.issuer(&noticed[0]).unwrap();
    assert!(signs(&issuer).await.is_err(), "it is thought to be in the HSM, and is not there");
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(ca.notice(), noticed);
    assert_eq!(ca.issuers().len(), 3);
    signs(&ca.issuer(&noticed[0]).unwrap()).await.unwrap();
}

#[test]
fn every_kind_of_key_signs_in_the_hsm() {
    for kind in ["P-256", "P-384", "RSA-3072", "RSA-4096"] {
        let (place, _hsm) = place(&format!("[ca]\nissuing_key = '{kind}'"));
        place.done("ca init --request issuing.csr");
        place.openssl_does("req -in issuing.csr -verify -noout");
        assert_eq!(place.states(), ["requested"]);
    }
}
