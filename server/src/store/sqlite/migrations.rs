//! Brings the tables of a file up to date: forward only, each step in one transaction, its number in the file's
//! `user_version`.
//!
//! A module of our own and not a crate: version 1 was recorded by another program, and a step needs functions that read
//! certificates.

use qcert_pki::{Certificate, SignatureAlgorithm, assemble};
use rusqlite::{Connection, functions::FunctionFlags};

use super::{StoreError, Stored};

const STEPS: [&str; 13] = [
    include_str!("../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../migrations/sqlite/0002_revocation.sql"),
    include_str!("../../../migrations/sqlite/0003_operators.sql"),
    include_str!("../../../migrations/sqlite/0004_messages.sql"),
    include_str!("../../../migrations/sqlite/0005_phones_and_answers.sql"),
    include_str!("../../../migrations/sqlite/0006_failures.sql"),
    include_str!("../../../migrations/sqlite/0007_audit.sql"),
    include_str!("../../../migrations/sqlite/0008_mistakes_of_application.sql"),
    include_str!("../../../migrations/sqlite/0009_renewed_tokens.sql"),
    include_str!("../../../migrations/sqlite/0010_messages_of_phone.sql"),
    include_str!("../../../migrations/sqlite/0011_backlog.sql"),
    include_str!("../../../migrations/sqlite/0012_activations.sql"),
    include_str!("../../../migrations/sqlite/0013_renewals.sql"),
];

/// The version before the step that makes the table of terms.
const BEFORE_TERMS: usize = 2;

/// The version that this server works with.
pub(super) const LATEST: usize = STEPS.len();

/// Brings a file up to date.
pub(super) fn run(connection: &Connection) -> Stored<()> {
    if version(connection)? == LATEST {
        return Ok(());
    }
    authority_key_identifier_functions(connection)?;
    // A table that is made anew must not take those that refer to it along; what refers to nothing is looked for.
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE")?;
    let result = steps(connection);
    if result.is_err() {
        // The error that is told is the one before.
        let _ = connection.execute_batch("ROLLBACK");
    }
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    result
}

/// Carries out the steps that are missing; the transaction of the first has begun.
fn steps(connection: &Connection) -> Stored<()> {
    // Another program may have been faster.
    for next in version(connection)?..LATEST {
        if connection.is_autocommit() {
            connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        step(connection, next).map_err(|error| {
            StoreError::Unavailable(format!("it cannot be brought to version {}: {error}", next + 1))
        })?;
    }
    if !connection.is_autocommit() {
        connection.execute_batch("COMMIT")?;
    }
    Ok(())
}

fn step(connection: &Connection, from: usize) -> Stored<()> {
    tracing::info!(from, to = from + 1, "the database is brought up to date");
    connection.execute_batch(STEPS[from])?;
    if from == BEFORE_TERMS {
        super::operators::fill_terms(connection)?;
    }
    let broken: Option<String> = super::rows::first(connection, "PRAGMA foreign_key_check", [], |row| row.next())?;
    if let Some(table) = broken {
        return Err(StoreError::Unavailable(format!("a row of {table} refers to nothing")));
    }
    if from == 1 && recorded_by_the_first_server(connection)? {
        // So that the first server does not take it for its own.
        connection.execute_batch(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (2, 'see user_version', TRUE, x'', 0)",
        )?;
    }
    connection.execute_batch(&format!("PRAGMA user_version = {}; COMMIT", from + 1))?;
    Ok(())
}

/// The version of a file; 0 if it is empty.
pub(super) fn version(connection: &Connection) -> Stored<usize> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let version = version as usize;
    let version = if version == 0 && is_of_the_first_server(connection)? { 1 } else { version };
    if version > LATEST {
        return Err(StoreError::Unavailable(format!(
            "it is of version {version}, of a newer server; this one knows versions up to {LATEST}"
        )));
    }
    Ok(version)
}

/// Version 1 was recorded in a table of the library that the server used then.
fn recorded_by_the_first_server(connection: &Connection) -> Stored<bool> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')";
    Ok(connection.query_row(is_there, [], |row| row.get(0))?)
}

/// Is it of version 1, and whole?
fn is_of_the_first_server(connection: &Connection) -> Stored<bool> {
    if !recorded_by_the_first_server(connection)? {
        return Ok(false);
    }
    let sql = "SELECT count(*) = 1 AND min(version) = 1 AND min(success) FROM _sqlx_migrations";
    if !connection.query_row(sql, [], |row| row.get::<_, bool>(0))? {
        return Err(StoreError::Unavailable("its first migration did not come to its end".to_owned()));
    }
    Ok(true)
}

/// Functions of SQL that answer the AuthorityKeyIdentifier (RFC 5280 §4.2.1.1) of a certificate, and of what of it is
/// to be signed.
fn authority_key_identifier_functions(connection: &Connection) -> Stored<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("authority_key_identifier", 1, flags, |context| {
        of_certificate(context.get_raw(0).as_blob()?)
    })?;
    connection.create_scalar_function("authority_key_identifier_to_be_signed", 1, flags, |context| {
        let to_be_signed = context.get_raw(0).as_blob()?;
        // Those that the first server could sign by.
        let certificate = [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::EcdsaSha384]
            .iter()
            .filter_map(|algorithm| assemble(to_be_signed, *algorithm, &[]).ok())
            .find(|der| Certificate::parse(der).is_ok());
        of_certificate(&certificate.unwrap_or_default())
    })?;
    Ok(())
}

fn of_certificate(der: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let refused = |why: &str| rusqlite::Error::UserFunctionError(format!("a certificate {why}").into());
    let certificate = Certificate::parse(der).map_err(|code| refused(&format!("cannot be read: {code}")))?;
    let identifier = certificate.authority_key_identifier();
    identifier.filter(|bytes| bytes.len() == 20).ok_or_else(|| refused("does not say whose it is"))
}
