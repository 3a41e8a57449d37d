//! Both folders of migrations make the same tables.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::support::{Database, Kind};

/// Table, column, type, whether it may be null, place in the primary key; in the order of the table.
type Column = (String, String, String, bool, i64);
/// Table, columns, whether it is unique, whether it covers a part of the table.
type Index = (String, String, bool, bool);

struct Schema {
    columns: Vec<Column>,
    views: Vec<(String, String)>,
    indexes: BTreeSet<Index>,
    references: BTreeSet<(String, String, String)>,
}

async fn of_sqlite() -> Schema {
    let db = Database::empty(Kind::Sqlite).await;
    let mut conn = SqliteConnection::connect(&db.url).await.unwrap();
    let conn = &mut conn;
    Schema {
        columns: sqlx::query_as(
            "SELECT t.name, c.name, lower(c.type), c.\"notnull\" = 0, c.pk
               FROM sqlite_schema t JOIN pragma_table_info(t.name) c
              WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '_sqlx_migrations'
              ORDER BY t.name, c.cid",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap(),
        views: sqlx::query_as(
            "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
              WHERE t.type = 'view' ORDER BY t.name, c.cid",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap(),
        indexes: sqlx::query_as::<_, Index>(
            "SELECT t.name, (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c), i.\"unique\", i.partial
               FROM sqlite_schema t JOIN pragma_index_list(t.name) i
              WHERE t.type = 'table' AND t.name <> '_sqlx_migrations' AND i.origin <> 'pk'",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap()
        .into_iter()
        .collect(),
        references: sqlx::query_as::<_, (String, String, String)>(
            "SELECT t.name, r.\"from\", r.\"table\" || '.' || r.\"to\"
               FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) r WHERE t.type = 'table'",
        )
        .fetch_all(&mut *conn)
        .await
        .unwrap()
        .into_iter()
        .collect(),
    }
}

async fn of_postgres() -> Schema {
    let db = Database::empty(Kind::Postgres).await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let conn = &mut conn;
    let columns = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text,
                CASE c.data_type WHEN 'bigint' THEN 'integer' ELSE c.data_type::text END, c.is_nullable = 'YES',
                coalesce((SELECT k.ordinal_position::bigint
                            FROM information_schema.key_column_usage k
                            JOIN information_schema.table_constraints p USING (constraint_schema, constraint_name)
                           WHERE p.constraint_type = 'PRIMARY KEY' AND (k.table_schema, k.table_name) = (c.table_schema, c.table_name)
                             AND k.column_name = c.column_name), 0)
           FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
          WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name <> '_sqlx_migrations'
          ORDER BY c.table_name::text, c.ordinal_position",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let views = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text
           FROM information_schema.columns c JOIN information_schema.views v USING (table_schema, table_name)
          WHERE c.table_schema = current_schema() ORDER BY c.table_name::text, c.ordinal_position",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let indexes = sqlx::query_as::<_, Index>(
        "SELECT t.relname::text,
                (SELECT string_agg(a.attname::text, ',' ORDER BY k.place)
                   FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number),
                i.indisunique, i.indpred IS NOT NULL
           FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
          WHERE t.relnamespace = current_schema()::regnamespace AND t.relname <> '_sqlx_migrations' AND NOT i.indisprimary",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let references = sqlx::query_as::<_, (String, String, String)>(
        "SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text || '.' || b.attname
           FROM pg_constraint c
           JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
           JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
          WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    Schema {
        columns,
        views,
        indexes: indexes.into_iter().collect(),
        references: references.into_iter().collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (of_sqlite().await, of_postgres().await);
    assert!(
        sqlite
            .columns
            .iter()
            .any(|column| column.0 == "claims" && column.1 == "epoch")
    );
    assert_eq!(sqlite.columns, postgres.columns);
    assert_eq!(sqlite.views, postgres.views);
    assert_eq!(sqlite.indexes, postgres.indexes);
    assert_eq!(sqlite.references, postgres.references);
}

#[test]
fn both_folders_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<String> {
        std::fs::read_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(database),
        )
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
}
