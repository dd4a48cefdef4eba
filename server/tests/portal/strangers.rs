//! Two people at once, neither seeing the other's rows. What is one's own on each route is in `who_may.rs`.

use serde_json::json;

use crate::support::{OTHER_PHONE, PHONE, Workplace, certification_request};

#[tokio::test]
async fn lists_have_ones_own_rows_alone() {
    let workplace = Workplace::new().await;
    let (_, certificate) = workplace.with_certificate().await;
    let mut stranger = workplace.signed_in(OTHER_PHONE).await;
    let rows = stranger.rows().await;
    assert!(!rows.is_empty() && rows.iter().all(|theirs| theirs.number.starts_with("67093")));
    assert_eq!(stranger.get("/certificates").await.json(), json!([]));
    let application = rows[0].id;
    for id in [certificate.id, application] {
        assert_eq!(stranger.get(&format!("/certificates/{id}")).await.code(), "certificate_not_found");
    }
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
