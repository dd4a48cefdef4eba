//! Applications that operators enter and correct by the API: each is a file of one.

use qcert_protocol::operator::{ApplicationRecord, ImportSummary};
use serde_json::{Value, json};

use super::{Operator, application_view};
use crate::{
    applications::import::{self, File, Format, ImportError},
    portal::Portal,
};

/// Imports a file. No import changes a person's phone.
///
/// # Errors
/// Everything that is wrong with the file; the store's.
pub async fn import(
    portal: &Portal,
    operator: &Operator,
    bytes: &[u8],
    format: Format,
) -> Result<ImportSummary, ImportError> {
    let file = File { bytes, format, by: operator.actor.clone(), changes_phones: false };
    import::import(&*portal.store, &*portal.clock, &*portal.randomness, &file).await
}

/// What became of one application.
pub enum Put {
    /// It is new.
    Added(ApplicationRecord),
    /// It was there, and may have changed.
    There(ApplicationRecord),
}

/// Enters one application, or corrects it.
///
/// # Errors
/// Everything that is wrong with it; the store's.
pub async fn put(portal: &Portal, operator: &Operator, number: &str, mut entry: Value) -> Result<Put, ImportError> {
    if let Value::Object(object) = &mut entry {
        // The address says which; a body that says another is refused by the number's own check.
        let said = object.entry("number").or_insert_with(|| number.into());
        if said != number {
            *said = Value::Bool(false);
        }
    }
    let bytes = json!([entry]).to_string().into_bytes();
    let done = import(portal, operator, &bytes, Format::Json).await?;
    let found = portal.store.application_by_number(number).await?;
    let found = found.ok_or(crate::store::StoreError::Corrupt("applications"))?;
    portal.announcer.row(&found.application.phone, found.application.id);
    let view = application_view(&*portal.store, found).await?;
    Ok(if done.added == 1 { Put::Added(view) } else { Put::There(view) })
}
