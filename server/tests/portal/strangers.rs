//! Two people at once, neither seeing the other's rows.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{OTHER_PHONE, PHONE, Workplace, certification_request, token};

#[tokio::test]
async fn another_persons_things_are_not_there_on_any_route() {
    let workplace = Workplace::new().await;
    let mut owner = workplace.signed_in(PHONE).await;
    let (row, request) = workplace.sent(&mut owner).await;
    workplace.work().await.unwrap();
    let certificate = owner.rows().await[0].certificate.as_ref().unwrap().id;
    let mut stranger = workplace.signed_in(OTHER_PHONE).await;

    assert!(stranger.rows().await.iter().all(|theirs| theirs.number.starts_with("67093")));
    assert_eq!(stranger.get("/certificates").await.json(), json!([]));
    let upload = json!({
        "certificationRequest": qcert_protocol::Base64(certification_request()),
        "container": format!("{}@2026-03-02-x", row.number),
        "token": token(),
    });
    let installation = json!({"token": token(), "inStore": false});
    let application = row.id;
    let routes: [(Method, String, Value, &str); 11] = [
        (Method::GET, format!("/applications/{application}"), Value::Null, "application_not_found"),
        (Method::POST, format!("/applications/{application}/mistakes"), json!({"text": "x"}), "application_not_found"),
        (Method::POST, format!("/applications/{application}/requests"), upload, "application_not_found"),
        (Method::POST, format!("/applications/{application}/withdrawal"), Value::Null, "application_not_found"),
        (Method::POST, format!("/requests/{request}/password"), Value::Null, "request_not_found"),
        (Method::POST, format!("/requests/{request}/confirmation"), json!({"password": "1"}), "request_not_found"),
        (Method::DELETE, format!("/requests/{request}"), Value::Null, "request_not_found"),
        (Method::GET, format!("/certificates/{certificate}"), Value::Null, "certificate_not_found"),
        (Method::GET, format!("/certificates/{certificate}/file"), Value::Null, "certificate_not_found"),
        (Method::POST, format!("/certificates/{certificate}/installation"), installation, "certificate_not_found"),
        (Method::GET, format!("/certificates/{application}"), Value::Null, "certificate_not_found"),
    ];
    for (method, path, body, code) in routes {
        let reply = stranger.call(method.clone(), &path, body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (404, code), "{method} {path}");
        let nobody = workplace.browser().call(method.clone(), &path, body).await;
        assert_eq!(nobody.code(), "session_required", "{method} {path}");
    }
    assert_eq!(owner.rows().await[0].state.as_str(), "readyToInstall");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_whoever_uploads_it() {
    let workplace = Workplace::new().await;
    let (mut one, mut other) = (workplace.signed_in(PHONE).await, workplace.signed_in(OTHER_PHONE).await);
    let request = certification_request();
    let (mine, theirs) = (one.rows().await.remove(0), other.rows().await.remove(0));
    assert_eq!(one.upload(&mine, &request).await.status, 201);
    assert_eq!(other.upload(&theirs, &request).await.code(), "key_in_use");
    assert_eq!(other.rows().await[0].state.as_str(), "available");
}
