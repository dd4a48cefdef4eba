//! What gateways report by HTTP of the messages that they took. Who knows the address of a gateway's reports may
//! report for it: it has a key in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::http::word;
use crate::{
    config::{HttpReport, Way},
    portal::Portal,
    store::{MessageState, StoreError},
};

/// Where a gateway reports to.
pub fn address(origin: &str, gateway: &str, token: &str) -> String {
    format!("{origin}/sms/report/{gateway}/{token}")
}

/// How reports of a gateway are read, if the token is that of its address.
pub fn settings<'a>(portal: &'a Portal, gateway: &str, token: &str) -> Option<&'a HttpReport> {
    if !portal.secrets.report_token_fits(gateway, token) {
        return None;
    }
    match &portal.settings.sms.gateway(gateway)?.way {
        Way::Http(http) => Some(&http.report),
        Way::Outbox | Way::Smpp(_) => None,
    }
}

/// Records a report. One that says nothing final changes nothing; answers false for one that cannot be read.
///
/// # Errors
/// The store's.
pub async fn record(
    portal: &Portal,
    gateway: &str,
    settings: &HttpReport,
    fields: &BTreeMap<String, String>,
) -> Result<bool, StoreError> {
    let field = |name: &String| fields.get(name).and_then(|text| word(&Value::String(text.trim().to_owned())));
    let (Some(reference), Some(status)) = (field(&settings.reference), field(&settings.status)) else {
        return Ok(false);
    };
    let problem = format!("report_{status}");
    let (state, problem) = if settings.delivered.contains(&status) {
        (MessageState::Delivered, None)
    } else if settings.undelivered.contains(&status) {
        (MessageState::Undelivered, Some(problem.as_str()))
    } else {
        return Ok(true);
    };
    portal.store.report_message(gateway, &reference, state, problem, portal.clock.now()).await?;
    Ok(true)
}
