//! Looks at a database before it is used: does it keep what it commits, and are its tables ours?

use sqlx::{
    Connection, PgConnection, Row, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use uuid::Uuid;

use super::{StoreError, Stored, connections::Connections};

/// As `server_version_num` says it.
const OLDEST: i32 = 130_000;

/// Checks and migrates the database; answers how its connections are opened.
pub(super) async fn open(options: PgConnectOptions, node: &str) -> Stored<PgConnectOptions> {
    // Statements are not logged by sqlx: their arguments are other people's data, their texts our own.
    let options = sqlx::ConnectOptions::disable_statement_logging(options).application_name("qcert-server");
    let mut connection = Connections::new(options.clone(), 1).own().await?;
    let waits_for = check(&mut connection).await?;
    migrate(&mut connection).await?;
    super::operators::fill_terms(&mut connection).await?;
    connection.close().await?;
    Ok(options.options([
        // As it was found, whatever somebody sets later.
        ("synchronous_commit", waits_for.as_str()),
        ("default_transaction_isolation", "read committed"),
        // Every statement of ours has its index. A plan that was made while a table was small, and reads it whole, would
        // be kept while it grows.
        ("enable_seqscan", "off"),
        ("jit", "off"),
        // Whose events those of the connection are.
        ("qcert.node", node),
        ("statement_timeout", "25s"),
        ("idle_in_transaction_session_timeout", "60s"),
    ]))
}

/// What makes a commit last; answers `synchronous_commit`.
async fn check(connection: &mut PgConnection) -> Stored<String> {
    let settings = sqlx::query(
        "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), \
         current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')",
    );
    let row = settings.fetch_one(connection).await?;
    let (version, encoding): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    let (fsync, full_page_writes): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    let waits_for: String = row.try_get(4)?;
    let refused = [
        (version < OLDEST, "PostgreSQL must be of version 13 or later"),
        (encoding != "UTF8", "the database must be encoded in UTF8"),
        (fsync != "on", "PostgreSQL's setting fsync must be on, or a power failure loses certificates"),
        (full_page_writes != "on", "PostgreSQL's setting full_page_writes must be on, or a power failure tears pages"),
        (
            waits_for == "off",
            "PostgreSQL's setting synchronous_commit must not be off, or a failure loses certificates",
        ),
    ];
    match refused.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, why)) => Err(StoreError::Unavailable((*why).to_owned())),
        None => Ok(waits_for),
    }
}

/// Looks at a database without changing anything: does it answer and keep what it commits, and has no later server
/// changed it?
pub(super) async fn look(options: PgConnectOptions) -> Stored<()> {
    let options = sqlx::ConnectOptions::disable_statement_logging(options).application_name("qcert-server");
    let mut connection = Connections::new(options, 1).own().await?;
    check(&mut connection).await?;
    let is_new = sqlx::query("SELECT to_regclass('_sqlx_migrations') IS NULL");
    if !is_new.fetch_one(&mut connection).await?.try_get::<bool, _>(0)? {
        let latest = sqlx::query("SELECT COALESCE(max(version), 0) FROM _sqlx_migrations");
        let latest: i64 = latest.fetch_one(&mut connection).await?.try_get(0)?;
        let known = migrations().last().map_or(0, |migration| migration.version);
        if latest > known {
            return Err(StoreError::Unavailable(format!(
                "it is of version {latest}, of a newer server; this one knows versions up to {known}"
            )));
        }
    }
    connection.close().await?;
    Ok(())
}

/// Brings the tables up to date, one server after the other. A database that a later version changed is refused.
async fn migrate(connection: &mut PgConnection) -> Stored<()> {
    let migrated = Migrator::with_migrations(migrations()).run(connection).await;
    migrated.map_err(|error| StoreError::Unavailable(format!("the tables cannot be brought up to date: {error}")))
}

fn migrations() -> Vec<Migration> {
    let migration = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    vec![
        migration(1, "tables", include_str!("../../../migrations/postgres/0001_tables.sql")),
        migration(2, "functions", include_str!("../../../migrations/postgres/0002_functions.sql")),
        migration(3, "orders and tries", include_str!("../../../migrations/postgres/0003_orders_and_tries.sql")),
        migration(4, "operators", include_str!("../../../migrations/postgres/0004_operators.sql")),
        migration(5, "messages", include_str!("../../../migrations/postgres/0005_messages.sql")),
        migration(6, "phones and answers", include_str!("../../../migrations/postgres/0006_phones_and_answers.sql")),
        migration(7, "failures", include_str!("../../../migrations/postgres/0007_failures.sql")),
        migration(8, "audit", include_str!("../../../migrations/postgres/0008_audit.sql")),
        migration(
            9,
            "mistakes of application",
            include_str!("../../../migrations/postgres/0009_mistakes_of_application.sql"),
        ),
        migration(10, "renewed tokens", include_str!("../../../migrations/postgres/0010_renewed_tokens.sql")),
        migration(11, "messages of phone", include_str!("../../../migrations/postgres/0011_messages_of_phone.sql")),
        migration(12, "backlog", include_str!("../../../migrations/postgres/0012_backlog.sql")),
        migration(13, "activations", include_str!("../../../migrations/postgres/0013_activations.sql")),
        migration(14, "revisions", include_str!("../../../migrations/postgres/0014_revisions.sql")),
        migration(15, "renewals", include_str!("../../../migrations/postgres/0015_renewals.sql")),
    ]
}

/// A name for this process, other than that of any other on the database.
pub(super) async fn name(connections: &Connections) -> Stored<Uuid> {
    let rows = connections.read(|| sqlx::query("SELECT gen_random_uuid()")).await?;
    rows.first().map_or(Ok(Uuid::nil()), |row| super::Columns::of(row).next())
}
