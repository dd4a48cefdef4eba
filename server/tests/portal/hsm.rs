//! Issuance by a key in an HSM that comes and goes.

use time::Duration;

use crate::{
    softhsm::SoftHsm,
    support::{Browser, PHONE, Workplace},
};

async fn state(browser: &mut Browser) -> String {
    browser.rows().await[0].state.as_str().to_owned()
}

#[tokio::test]
async fn what_the_hsm_cannot_sign_waits_and_is_issued_when_it_is_back() {
    let Some(hsm) = SoftHsm::alone("hsm::what_the_hsm_cannot_sign_waits_and_is_issued_when_it_is_back") else { return };
    let workplace = Workplace::with(&hsm.settings()).await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    hsm.control("token out");
    for _ in 0..3 {
        assert!(workplace.work().await.is_err());
        assert_eq!(state(&mut browser).await, "issuing");
        workplace.clock.advance(Duration::minutes(1));
    }
    hsm.control("");
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "readyToInstall");
    let issued = workplace.portal.store.certificates().await.unwrap();
    assert_eq!(issued.len(), 1);
    let certificate = qcert_pki::Certificate::parse(&issued[0].der).unwrap();
    certificate.verify_issued_by(workplace.portal.ca.current().certificate()).unwrap();
}

#[tokio::test]
async fn a_token_that_goes_at_any_call_leaves_one_certificate() {
    let Some(hsm) = SoftHsm::alone("hsm::a_token_that_goes_at_any_call_leaves_one_certificate") else { return };
    let workplace = Workplace::with(&hsm.settings()).await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    // The shim counts on: a call that is reached is the last one that is counted in its round.
    let (mut rounds, mut counted) = (0, 0);
    for call in 1..50 {
        hsm.control(&format!("pull after-call {}", counted + call));
        let worked = workplace.work().await;
        hsm.control("");
        workplace.clock.advance(Duration::minutes(1));
        if worked.is_ok() {
            break;
        }
        (rounds, counted) = (rounds + 1, counted + call);
    }
    assert!(rounds > 3, "the token went at {rounds} calls");
    assert_eq!(state(&mut browser).await, "readyToInstall");
    assert_eq!(workplace.portal.store.certificates().await.unwrap().len(), 1);
}
