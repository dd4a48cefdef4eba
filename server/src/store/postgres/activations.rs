//! Activation codes.

use uuid::Uuid;

use super::{
    StoreError, Stored,
    connections::Connections,
    passwords::{integer, slots},
    rows::{Columns, millis},
};
use crate::store::{ActivationAttempt, ActivationAttempted, NewActivationCodes};

pub(super) async fn make(connections: &Connections, new: &NewActivationCodes<'_>) -> Stored<Vec<Uuid>> {
    let (applications, hashes): (Vec<Uuid>, Vec<&[u8]>) =
        new.codes.iter().map(|(application, hash)| (*application, hash.as_slice())).unzip();
    let made = connections
        .write(|| {
            sqlx::query("SELECT make_activation_codes($1, $2, $3, $4, $5, $6, $7) FROM acting($6, $8)")
                .bind(&applications)
                .bind(&hashes)
                .bind(integer(new.tries))
                .bind(new.replaces)
                .bind(new.from)
                .bind(&new.by.who)
                .bind(millis(new.now))
                .bind(&new.by.from)
        })
        .await?;
    made.iter().map(|row| Columns::of(row).next()).collect()
}

pub(super) async fn activate(connections: &Connections, attempt: &ActivationAttempt) -> Stored<ActivationAttempted> {
    let rate = &attempt.rate;
    // What comes first is what the other asks for.
    let statement = "SELECT outcome, since, tries FROM acting($9, $10) AS acts, \
         activate(CASE WHEN acts THEN $1::uuid END, $2, $3, $4, $5, $6, $7, $8)";
    let answer = connections
        .write(|| {
            sqlx::query(statement)
                .bind(attempt.application)
                .bind(attempt.phone.as_str())
                .bind(attempt.hash)
                .bind(&rate.subject)
                .bind(integer(rate.limit))
                .bind(slots(rate))
                .bind(millis(attempt.now - rate.window))
                .bind(millis(attempt.now))
                .bind(&attempt.by.who)
                .bind(&attempt.by.from)
        })
        .await?;
    let row = answer.first().ok_or(StoreError::Corrupt("no answer to an activation"))?;
    let columns = &mut Columns::of(row);
    match columns.next()? {
        "limited" => Ok(ActivationAttempted::Limited(columns.time()?)),
        "noCode" => Ok(ActivationAttempted::NoCode),
        "exhausted" => Ok(ActivationAttempted::Exhausted),
        "wrong" => Ok(ActivationAttempted::Wrong(Columns::after(row, 2).next::<i32>()?.unsigned_abs())),
        "done" => Ok(ActivationAttempted::Done),
        _ => Err(StoreError::Corrupt("the answer to an activation")),
    }
}
