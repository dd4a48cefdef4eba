//! What happens to the database behind the portal's back, on whichever store: it is changed, fails, or is looked through.

use sqlx::{Connection, PgConnection, Row};

use crate::support::Workplace;

/// A step of the store that can be made to fail.
#[derive(Clone, Copy)]
pub enum Step {
    /// A confirmed request is put into the queue.
    Queue,
    /// What is to be signed is committed.
    Commit,
    /// A certificate is stored.
    Store,
    /// A session is ended.
    EndSession,
}

impl Workplace {
    pub fn is_on_postgres(&self) -> bool {
        self.portal.settings.database_url.is_postgres()
    }

    /// The word for this store.
    pub fn by_store(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_on_postgres() { postgres } else { sqlite }
    }

    /// Changes the database.
    pub async fn sql(&self, statement: &str) {
        self.try_sql(statement).await.unwrap();
    }

    /// The same, if the database lets it.
    pub async fn try_sql(&self, statement: &str) -> Result<(), String> {
        let Some(file) = self.portal.settings.database_file() else {
            let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut self.postgres().await).await;
            return done.map(drop).map_err(|error| error.to_string());
        };
        let connection = rusqlite::Connection::open(file).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection.execute_batch(statement).map_err(|error| error.to_string())
    }

    async fn postgres(&self) -> PgConnection {
        PgConnection::connect(&self.portal.settings.database_url).await.unwrap()
    }

    /// From now on this step fails.
    pub async fn let_fail(&self, step: Step) {
        let event = match step {
            Step::Queue => "INSERT",
            Step::Commit => self.by_store("UPDATE OF to_be_signed", "INSERT"),
            Step::Store => "INSERT",
            Step::EndSession => "UPDATE OF ended_at",
        };
        let table = self.table(step);
        let trigger = format!("CREATE TRIGGER fault BEFORE {event} ON {table}");
        self.sql(&if self.is_on_postgres() {
            format!(
                "CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'fault'; END $$; {trigger} FOR EACH ROW EXECUTE FUNCTION fault()"
            )
        } else {
            format!("{trigger} BEGIN SELECT RAISE(ABORT, 'fault'); END")
        })
        .await;
    }

    /// It no longer fails.
    pub async fn let_pass(&self, step: Step) {
        let of_table = if self.is_on_postgres() { format!(" ON {}", self.table(step)) } else { String::new() };
        self.sql(&format!("DROP TRIGGER fault{of_table}")).await;
    }

    fn table(&self, step: Step) -> &'static str {
        match step {
            Step::Queue => "issuances",
            Step::Commit => self.by_store("issuances", "commitments"),
            Step::Store => "certificates",
            Step::EndSession => "sessions",
        }
    }

    /// Changes the holder's data that were frozen by the confirmation, by an expression of SQL.
    pub async fn change_snapshots(&self, expression: &str) {
        let table = self.by_store("requests", "issuances");
        self.sql(&format!("UPDATE {table} SET snapshot = {expression}")).await;
    }

    /// Makes what was confirmed so far unreadable.
    pub async fn spoil_confirmations(&self) {
        self.sql(self.by_store("UPDATE requests SET snapshot = NULL", "UPDATE issuances SET digest = ''")).await;
    }

    /// Changes what is to be signed, and was committed: these octets become those, all written in hexadecimal capitals.
    pub async fn change_to_be_signed(&self, these: &str, those: &str) {
        self.sql(&if self.is_on_postgres() {
            let text = format!("replace(upper(encode(to_be_signed, 'hex')), '{these}', '{those}')");
            format!("UPDATE commitments SET to_be_signed = decode({text}, 'hex')")
        } else {
            format!("UPDATE issuances SET to_be_signed = unhex(replace(hex(to_be_signed), '{these}', '{those}'))")
        })
        .await;
    }

    /// What is kept of the latest password.
    pub async fn latest_hash(&self) -> Vec<u8> {
        const LATEST: &str = "SELECT hash FROM passwords ORDER BY created_at DESC, id DESC LIMIT 1";
        match self.portal.settings.database_file() {
            Some(file) => {
                let connection = rusqlite::Connection::open(file).unwrap();
                connection.query_row(LATEST, [], |row| row.get(0)).unwrap()
            }
            None => sqlx::query(LATEST).fetch_one(&mut self.postgres().await).await.unwrap().get(0),
        }
    }

    /// Does any row, or on SQLite any octet of the files, have this text, plain or as hexadecimal digits?
    pub async fn has_stored(&self, text: &str) -> bool {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let stored = self.stored().await;
        let has = |wanted: &str| stored.windows(wanted.len()).any(|window| window == wanted.as_bytes());
        has(text) || has(&hex)
    }

    async fn stored(&self) -> Vec<u8> {
        if let Some(file) = self.portal.settings.database_file() {
            let log = std::fs::read(file.with_extension("sqlite-wal")).unwrap_or_default();
            return [std::fs::read(file).unwrap(), log].concat();
        }
        let mut connection = self.postgres().await;
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
        let mut stored = Vec::new();
        for table in sqlx::query(tables).fetch_all(&mut connection).await.unwrap() {
            let rows = format!("SELECT string_agg(t::text, ' ') FROM \"{}\" t", table.get::<String, _>(0));
            let rows = sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_one(&mut connection).await.unwrap();
            stored.extend(rows.get::<Option<String>, _>(0).unwrap_or_default().into_bytes());
        }
        stored
    }
}
