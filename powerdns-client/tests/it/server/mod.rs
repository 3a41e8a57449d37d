//! The client against a real PowerDNS, on both of its usual databases.
//!
//! A promise is a function that gets a running server and works in zones of its own. Each runs alone on SQLite, and all of
//! them one after another on PostgreSQL, where a start takes seconds.

mod keys;
mod rrsets;
mod servers;
mod zones;

macro_rules! promises {
    ($($about:ident: $($promise:ident)*;)*) => {
        mod on_sqlite {
            $($(#[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                let server = conformance_servers::PowerDns::builder("sqlite").start().await?;
                super::$about::$promise(&server).await
            })*)*
        }

        #[tokio::test]
        async fn all_on_postgres() -> anyhow::Result<()> {
            use anyhow::Context as _;
            use conformance_servers::{Backend, Postgres, PowerDns};

            let cluster = Postgres::builder().start().await?;
            let database = cluster.create_database("pdns").await?;
            let server = PowerDns::builder("postgres").backend(Backend::Postgres(database)).start().await?;
            $($($about::$promise(&server).await.context(stringify!($promise))?;)*)*
            Ok(())
        }
    };
}

promises! {
    zones:
        a_new_zone_is_whole_signed_and_marked
        an_unsigned_zone_is_asked_for_as_such
        the_settings_of_a_new_zone_are_kept
        a_zone_can_be_made_only_once
        settings_change_one_by_one
        names_with_a_meaning_in_urls_are_reached
        listings_show_every_zone_once;
    rrsets:
        a_patch_is_all_or_nothing
        a_patch_says_what_is_to_be_and_can_be_repeated
        content_that_powerdns_refuses_is_invalid_and_not_applied
        what_stands_below_a_name_is_found_in_every_zone
        a_body_above_the_servers_limit_is_malformed
        lua_is_written_only_where_it_is_allowed
        a_zone_of_20_000_rrsets_is_read_piece_by_piece;
    keys:
        keys_roll_over
        metadata_is_set_read_and_removed
        tsig_keys_are_made_read_and_deleted;
    servers:
        the_server_says_who_it_is
        a_wrong_key_is_unauthorized
        a_wrong_server_id_is_not_found
        what_is_not_there_is_said_to_be_missing
        statistics_and_settings_are_readable;
}
