//! Renewals: another application in place of one, and requests whose holder the old key identifies.

use super::{
    NewRenewal, Prepared, Proof, Renewed, Request, StoreError, Stored, applications, connections::Connections,
    requests, rows::millis, word,
};
use crate::{audit::Actor, store::terms::terms};

pub(super) async fn renew(connections: &Connections, renewal: &NewRenewal) -> Stored<Renewed> {
    let statement = "SELECT renew_application($1, $2, $3, $4, $5, $6, $7, $8, $9) FROM acting($10, $11)";
    let (kinds, terms): (Vec<i16>, Vec<String>) = terms(&renewal.phone, &renewal.holder).into_iter().unzip();
    let renew = || {
        let query = sqlx::query(statement).bind(applications::LOCK).bind(renewal.id).bind(&renewal.numbers);
        let query = query.bind(renewal.of).bind(renewal.revision).bind(renewal.over).bind(&kinds).bind(&terms);
        query.bind(millis(renewal.now)).bind(&renewal.by.who).bind(&renewal.by.from)
    };
    match word(&connections.write(renew).await?)? {
        "done" => Ok(Renewed::Done),
        "there" => Ok(Renewed::There),
        "changed" => Ok(Renewed::Changed),
        "numbersTaken" => Ok(Renewed::NumbersTaken),
        _ => Err(StoreError::Corrupt("the answer of renew_application")),
    }
}

const PREPARE: &str = "SELECT outcome, now_of FROM prepare_proven_request(\
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

pub(super) async fn prepare(
    connections: &Connections,
    new: &Request,
    proof: &Proof,
    from: &[&str],
    by: &Actor,
) -> Stored<Prepared> {
    let (renewed, renewed_revision) = proof.renewed;
    let prepare = || {
        let query = requests::bind_new(sqlx::query(PREPARE), new, from, by).bind(proof.revision);
        let query = query.bind(renewed).bind(renewed_revision).bind(proof.certificate).bind(&proof.serial);
        query.bind(proof.nonce).bind(&proof.signature)
    };
    requests::prepared(connections.write_unique(prepare).await?)
}
