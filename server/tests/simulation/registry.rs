//! All that the database holds, read past the server.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use qcert_server::{
    audit::Actor,
    store::{AuditRow, IssuerId},
};
use rusqlite::{Connection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

pub struct Application {
    pub number: String,
    pub phone: String,
    pub identification: Option<u8>,
    pub state: String,
    /// The holder's data, JSON.
    pub holder: String,
    /// The application that it renews.
    pub replaces: Option<Uuid>,
}

pub struct Request {
    pub application: Uuid,
    pub der: Vec<u8>,
    pub public_key: Vec<u8>,
    pub state: String,
    pub snapshot: Option<String>,
    pub digest: Option<Vec<u8>>,
    pub created_at: i64,
}

pub struct Issuance {
    pub application: Uuid,
    pub state: String,
    pub serial: Option<String>,
    pub to_be_signed: Option<Vec<u8>>,
    /// Whose it is, until when.
    pub lease: Option<(Uuid, i64)>,
}

impl Issuance {
    /// Has it not come to its end?
    pub fn waits(&self) -> bool {
        !matches!(self.state.as_str(), "done" | "refused" | "withdrawn")
    }
}

pub struct Certificate {
    pub application: Uuid,
    pub request: Uuid,
    pub serial: String,
    pub der: Vec<u8>,
    /// Subject key identifier of the issuing certificate.
    pub issuer: IssuerId,
    pub shard: String,
    pub not_after: i64,
    /// When and why it was revoked.
    pub revoked: Option<(i64, i64)>,
}

/// The latest revocation list of a shard.
pub struct List {
    pub number: i64,
    pub this_update: i64,
    pub der: Vec<u8>,
}

pub struct Password {
    pub purpose: String,
    pub phone: String,
    /// What it confirms, and in which session.
    pub subject: Option<(Uuid, Uuid)>,
    pub digest: Option<Vec<u8>>,
    pub state: String,
    pub created_at: i64,
    pub expires_at: i64,
}

pub struct Session {
    pub id: Uuid,
    pub phone: String,
    pub has_ended: bool,
}

/// A state that changed.
pub struct Change {
    pub kind: String,
    pub row: Uuid,
    pub before: String,
    pub after: String,
}

/// Everything at one moment.
pub struct Registry {
    pub applications: BTreeMap<Uuid, Application>,
    pub requests: BTreeMap<Uuid, Request>,
    pub issuances: BTreeMap<Uuid, Issuance>,
    pub certificates: BTreeMap<Uuid, Certificate>,
    /// What was committed of the authority's own certificates, by serial.
    pub authority: BTreeMap<String, Vec<u8>>,
    /// By issuer and shard.
    pub lists: BTreeMap<(IssuerId, String), List>,
    /// SHA-256 of keys that nobody may have a certificate for.
    pub blocked: BTreeSet<Vec<u8>>,
    pub passwords: BTreeMap<Uuid, Password>,
    /// For which phone applications were activated.
    pub activated: BTreeMap<Uuid, String>,
    /// By the hash of their token.
    pub sessions: BTreeMap<Vec<u8>, Session>,
    /// Sealed messages that wait.
    pub messages: BTreeMap<i64, Vec<u8>>,
    pub audit: Vec<AuditRow>,
    /// What changed since the last time it was read.
    pub changes: Vec<Change>,
}

/// A connection of its own.
pub struct Reader {
    connection: Connection,
    seen: Cell<i64>,
}

impl Reader {
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.set_prepared_statement_cache_capacity(64);
        Self { connection, seen: Cell::new(0) }
    }

    /// Lets every INSERT into a table fail; `None`: into no table.
    pub fn refuse_inserts(&self, table: Option<&str>) {
        let mut delete = self.connection.prepare_cached("DELETE FROM refused").unwrap();
        delete.execute([]).unwrap();
        if let Some(table) = table {
            self.connection.execute("INSERT INTO refused (name) VALUES (?1)", [table]).unwrap();
        }
    }

    /// Is the file sound?
    pub fn integrity(&self) -> String {
        self.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
    }

    pub fn read(&self) -> Registry {
        let registry = Registry {
            applications: self.map(
                "SELECT id, number, phone, identification, state, holder, replaces FROM applications",
                |row| {
                    let (number, phone, identification) = (row.take(1), row.take(2), row.take(3));
                    let (state, holder, replaces) = (row.take(4), row.take(5), row.take(6));
                    (row.id(0), Application { number, phone, identification, state, holder, replaces })
                },
            ),
            requests: self.map(
                "SELECT id, application_id, der, public_key, state, snapshot, digest, created_at FROM requests",
                request,
            ),
            issuances: self.map(
                "SELECT request_id, application_id, state, serial, to_be_signed, lease_until, lease_owner FROM issuances",
                issuance,
            ),
            certificates: self.map(
                "SELECT id, application_id, request_id, serial, der, issuer, shard, not_after, revoked_at, \
                 revocation_reason FROM certificates",
                certificate,
            ),
            authority: self
                .map("SELECT serial, to_be_signed FROM authority_certificates", |row| (row.take(0), row.take(1))),
            lists: self.map("SELECT issuer, shard, number, this_update, der FROM revocation_lists", |row| {
                let list = List { number: row.take(2), this_update: row.take(3), der: row.take(4) };
                ((row.take(0), row.take(1)), list)
            }),
            blocked: self
                .list("SELECT key_digest FROM blocked_keys", [], |row| row.take(0))
                .into_iter()
                .collect(),
            passwords: self.map(
                "SELECT id, purpose, phone, subject, session_id, digest, created_at, expires_at, state \
                 FROM passwords",
                password,
            ),
            activated: self.map(
                "SELECT application_id, activated_phone FROM activations WHERE activated_phone IS NOT NULL",
                |row| (row.id(0), row.take(1)),
            ),
            sessions: self.map("SELECT token_hash, id, phone, ended_at IS NOT NULL FROM sessions", |row| {
                (row.take(0), Session { id: row.id(1), phone: row.take(2), has_ended: row.take(3) })
            }),
            messages: self.map("SELECT id, sealed FROM messages WHERE sealed IS NOT NULL", |row| (row.take(0), row.take(1))),
            audit: self.list(
                "SELECT id, at, node, sequence, event, subject, who, origin, outcome, detail, hash FROM audit ORDER BY id",
                [],
                |row| AuditRow {
                    place: row.take(0),
                    at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.take::<i64>(1)) * 1_000_000).unwrap(),
                    node: row.take(2),
                    sequence: row.take(3),
                    event: row.take(4),
                    subject: row.id(5),
                    by: Actor { who: row.take(6), from: row.take(7) },
                    outcome: row.take(8),
                    detail: row.take(9),
                    mac: row.take(10),
                },
            ),
            changes: self.list(
                "SELECT kind, row, before, after FROM watched WHERE id > ?1 ORDER BY id",
                [self.seen.get()],
                |row| Change { kind: row.take(0), row: row.id(1), before: row.take(2), after: row.take(3) },
            ),
        };
        self.seen.set(self.seen.get() + i64::try_from(registry.changes.len()).unwrap());
        registry
    }

    fn map<K: Ord, V>(&self, sql: &str, read: impl Fn(&Row<'_>) -> (K, V)) -> BTreeMap<K, V> {
        self.list(sql, [], read).into_iter().collect()
    }

    fn list<T>(&self, sql: &str, parameters: impl rusqlite::Params, read: impl Fn(&Row<'_>) -> T) -> Vec<T> {
        let mut statement = self.connection.prepare_cached(sql).unwrap();
        let rows = statement.query_map(parameters, |row| Ok(read(row))).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn request(row: &Row<'_>) -> (Uuid, Request) {
    let request = Request {
        application: row.id(1),
        der: row.take(2),
        public_key: row.take(3),
        state: row.take(4),
        snapshot: row.take(5),
        digest: row.take(6),
        created_at: row.take(7),
    };
    (row.id(0), request)
}

fn issuance(row: &Row<'_>) -> (Uuid, Issuance) {
    let until: Option<i64> = row.take(5);
    let issuance = Issuance {
        application: row.id(1),
        state: row.take(2),
        serial: row.take(3),
        to_be_signed: row.take(4),
        lease: until.map(|until| (row.id(6), until)),
    };
    (row.id(0), issuance)
}

fn certificate(row: &Row<'_>) -> (Uuid, Certificate) {
    let at: Option<i64> = row.take(8);
    let certificate = Certificate {
        application: row.id(1),
        request: row.id(2),
        serial: row.take(3),
        der: row.take(4),
        issuer: row.take(5),
        shard: row.take(6),
        not_after: row.take(7),
        revoked: at.map(|at| (at, row.take(9))),
    };
    (row.id(0), certificate)
}

fn password(row: &Row<'_>) -> (Uuid, Password) {
    let subject: Option<Vec<u8>> = row.take(3);
    let password = Password {
        purpose: row.take(1),
        phone: row.take(2),
        subject: subject.map(|_| (row.id(3), row.id(4))),
        digest: row.take(5),
        created_at: row.take(6),
        expires_at: row.take(7),
        state: row.take(8),
    };
    (row.id(0), password)
}

/// Columns as what they are: the schema says so.
trait Columns {
    fn take<T: rusqlite::types::FromSql>(&self, index: usize) -> T;
    fn id(&self, index: usize) -> Uuid;
}

impl Columns for Row<'_> {
    fn take<T: rusqlite::types::FromSql>(&self, index: usize) -> T {
        self.get(index).unwrap()
    }

    fn id(&self, index: usize) -> Uuid {
        Uuid::from_slice(&self.take::<Vec<u8>>(index)).unwrap()
    }
}

impl Registry {
    /// The certificate of an application.
    pub fn certificate_of(&self, application: Uuid) -> Option<(Uuid, &Certificate)> {
        let mut certificates = self.certificates.iter();
        certificates.find(|(_, one)| one.application == application).map(|(id, one)| (*id, one))
    }

    /// The certificate with a serial.
    pub fn by_serial(&self, serial: &str) -> Option<&Certificate> {
        self.certificates.values().find(|one| one.serial == serial)
    }

    /// The serials of what is revoked.
    pub fn revoked(&self) -> BTreeSet<String> {
        let revoked = self.certificates.values().filter(|one| one.revoked.is_some());
        revoked.map(|one| one.serial.clone()).collect()
    }

    /// The passwords that a later one took the place of.
    pub fn superseded(&self) -> BTreeSet<Uuid> {
        let superseded = self.passwords.iter().filter(|(_, password)| password.state == "superseded");
        superseded.map(|(id, _)| *id).collect()
    }

    /// The latest request of an application, whatever became of it.
    pub fn latest_request(&self, application: Uuid) -> Option<Uuid> {
        let of = self.requests.iter().filter(|(_, request)| request.application == application);
        of.max_by_key(|(id, request)| (request.created_at, **id)).map(|(id, _)| *id)
    }

    /// Where everything stands, in a line.
    pub fn summary(&self) -> String {
        let mut states: Vec<_> = self.applications.values().map(|one| (&one.number, one.state.as_str())).collect();
        states.sort_unstable();
        let states: Vec<&str> = states.into_iter().map(|(_, state)| state).collect();
        let mut serials: Vec<&str> = self.certificates.values().map(|one| one.serial.as_str()).collect();
        serials.sort_unstable();
        format!("{} {} audited {}", states.join(" "), serials.join(" "), self.audit.len())
    }
}
