//! What this client refuses to send, because the zone would suffer or the answer would mislead.
//!
//! | Refused | What PowerDNS does with it |
//! |---|---|
//! | deleting SOA or NS at the apex, or replacing them by disabled records | 204; without SOA the zone is no longer answered |
//! | a replacement without records | 204, a deletion in disguise |
//! | a TTL of 0 or above 2^31-1 | 204; nothing is cached, or the value turns negative |
//! | a DS whose digest has not its type's length, or of an unknown type | 204; the child is bogus |
//! | DS at the apex | 204; it belongs into the parent |
//! | NS or DS at a wildcard | 204; no delegation comes of it ([RFC 4592](https://www.rfc-editor.org/rfc/rfc4592) section 4.2) |
//! | RRSIG, NSEC, NSEC3, NSEC3PARAM and types by number | 204; the server makes these itself, and `TYPE65402` is Lua code |
//! | LUA, unless [`Config::allow_lua`](crate::Config::allow_lua) | 204; code that runs in the server |
//! | an account of more than 40 characters | 500 on PostgreSQL, each time; the column has no more |
//! | a new primary zone without SOA or NS | 201; a zone with a made-up SOA, or without delegation |
//!
//! Refusals have [`ErrorKind::Refused`](crate::ErrorKind::Refused) and never reach the server. What PowerDNS itself
//! refuses is left to it.

use crate::zones::{NewZone, ZoneKind};
use crate::{CanonicalName, Ds, Error, RecordType, Rrset, RrsetChange};

const MAX_TTL: u32 = i32::MAX.unsigned_abs();

/// `domains.account` is `VARCHAR(40)` in the schemas that PowerDNS ships.
const MAX_ACCOUNT: usize = 40;

pub(crate) fn check_change(zone: &CanonicalName, change: &RrsetChange, lua: bool) -> Result<(), Error> {
    match change {
        RrsetChange::Replace(rrset) => check_rrset(zone, rrset, lua),
        RrsetChange::Delete { name, rtype } if name == zone && is_vital(rtype) => Err(Error::refused(
            format!("{rtype} at the apex of {zone} cannot be deleted"),
        )),
        RrsetChange::Delete { .. } => Ok(()),
    }
}

pub(crate) fn check_new_zone(zone: &NewZone, lua: bool) -> Result<(), Error> {
    check_account(&zone.account)?;
    for rrset in &zone.rrsets {
        check_rrset(&zone.name, rrset, lua)?;
    }
    if matches!(zone.kind, ZoneKind::Slave | ZoneKind::Consumer) {
        return Ok(()); // filled by transfer
    }
    for vital in [RecordType::SOA, RecordType::NS] {
        if !zone
            .rrsets
            .iter()
            .any(|rrset| rrset.name == zone.name && rrset.rtype == vital)
        {
            return Err(Error::refused(format!(
                "{} has no {vital} at its apex",
                zone.name
            )));
        }
    }
    Ok(())
}

pub(crate) fn check_account(account: &str) -> Result<(), Error> {
    if account.chars().count() > MAX_ACCOUNT {
        return Err(Error::refused(format!(
            "an account has at most {MAX_ACCOUNT} characters"
        )));
    }
    Ok(())
}

fn check_rrset(zone: &CanonicalName, rrset: &Rrset, lua: bool) -> Result<(), Error> {
    let Rrset {
        name,
        rtype,
        ttl,
        records,
    } = rrset;
    let refuse = |why: &str| Err(Error::refused(format!("{rtype} at {name}: {why}")));
    if records.is_empty() {
        return refuse("a replacement needs at least one record");
    }
    if !(1..=MAX_TTL).contains(ttl) {
        return refuse("the TTL must be between 1 and 2147483647");
    }
    if is_made_by_the_server(rtype) {
        return refuse("the server makes this type itself");
    }
    if *rtype == RecordType::LUA && !lua {
        return refuse("Lua code is not allowed");
    }
    if name == zone && is_vital(rtype) && rrset.contents().next().is_none() {
        return refuse("all records are disabled");
    }
    if name.is_wildcard() && (*rtype == RecordType::NS || *rtype == RecordType::DS) {
        return refuse("a wildcard cannot be delegated");
    }
    if *rtype == RecordType::DS {
        if name == zone {
            return refuse("a DS belongs into the parent");
        }
        for record in records {
            if let Err(error) = record.content.parse::<Ds>() {
                return refuse(&error.to_string());
            }
        }
    }
    Ok(())
}

fn is_vital(rtype: &RecordType) -> bool {
    *rtype == RecordType::SOA || *rtype == RecordType::NS
}

fn is_made_by_the_server(rtype: &RecordType) -> bool {
    matches!(rtype.as_str(), "RRSIG" | "NSEC" | "NSEC3" | "NSEC3PARAM")
        || rtype
            .as_str()
            .strip_prefix("TYPE")
            .is_some_and(|number| number.parse::<u16>().is_ok())
}
