//! How far behind the work is.

use super::{
    Stored,
    connections::Connections,
    rows::{Columns, time},
};
use crate::store::Backlog;

pub(super) async fn read(connections: &Connections) -> Stored<Backlog> {
    let statement = "SELECT \
        (SELECT min(created_at) FROM messages WHERE due_at IS NOT NULL), \
        (SELECT min(created_at) FROM issuances WHERE waits), \
        (SELECT min(created_at) FROM issuances WHERE is_held), \
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let rows = connections.read(|| sqlx::query(statement)).await?;
    let Some(row) = rows.first() else { return Ok(Backlog::default()) };
    let columns = &mut Columns::of(row);
    let mut next = || columns.next::<Option<i64>>()?.map(time).transpose();
    Ok(Backlog { message: next()?, issuance: next()?, approval: next()?, database_time: next()?, last_event: None })
}
