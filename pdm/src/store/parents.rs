//! Whether a parent zone was written by somebody else since it was last read as a whole.
//!
//! Its serial moves by one with each of our PATCHes. When it is another than that, somebody else wrote, and what stands
//! below a label is unknown until the next full look.

use pdm_registrar::DomainName;

use super::tx::{execute, fetch_optional};
use super::{StoreError, Tx};

/// What is known of a parent zone's serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentSerial {
    serial: u32,
    /// Whether nobody else has been seen to write since the last full look.
    quiet: bool,
}

impl ParentSerial {
    /// Whether a zone with this serial holds nothing but what the last full look saw and what we wrote since. The
    /// serial before our last PATCH counts, too: that PATCH may be under way.
    pub const fn explains(self, serial: u32) -> bool {
        self.quiet && (serial == self.serial || serial.wrapping_add(1) == self.serial)
    }
}

/// What was known before a full look at a parent zone.
#[derive(Clone, Copy, Debug)]
pub struct FullLook {
    /// The serial that the zone had.
    serial: u32,
    /// The serial and the count of edits by others in the database.
    known: Option<(i64, i64)>,
}

impl FullLook {
    /// The first look, at a zone with this serial.
    pub const fn first(serial: u32) -> Self {
        Self { serial, known: None }
    }
}

impl Tx<'_> {
    /// Notes the serial that a parent zone has just before our next PATCH.
    pub async fn note_parent_serial(&mut self, parent: &DomainName, before: u32) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO parent_zones (parent, serial, edited, seen) VALUES ($1, $3, 1, 0)
             ON CONFLICT (parent) DO UPDATE
                SET serial = excluded.serial,
                    edited = parent_zones.edited + CASE WHEN parent_zones.serial IN ($2, $3) THEN 0 ELSE 1 END",
            parent.as_str().to_owned(),
            i64::from(before),
            i64::from(before.wrapping_add(1)),
        )?;
        Ok(())
    }

    /// Notes that a PATCH of ours may not have been made, so that another writer may get the serial that was noted. The
    /// zone stays quiet as long as it has the serial from before.
    pub async fn doubt_parent(&mut self, parent: &DomainName) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE parent_zones SET serial = CASE WHEN serial = 0 THEN 4294967295 ELSE serial - 1 END WHERE parent = $1",
            parent.as_str().to_owned(),
        )?;
        Ok(())
    }

    /// What is known of a parent zone's serial; nothing before our first PATCH.
    pub async fn parent_serial(&mut self, parent: &DomainName) -> Result<Option<ParentSerial>, StoreError> {
        let row = fetch_optional!(
            self,
            (i64, i64),
            "SELECT serial, edited - seen FROM parent_zones WHERE parent = $1",
            parent.as_str().to_owned(),
        )?;
        Ok(row.and_then(|(serial, unseen)| {
            Some(ParentSerial {
                serial: u32::try_from(serial).ok()?,
                quiet: unseen == 0,
            })
        }))
    }

    /// What is known before a full look at a parent zone that has this serial, for [`Self::saw_parent`].
    pub async fn before_full_look(
        &mut self,
        parent: &DomainName,
        serial: u32,
    ) -> Result<FullLook, StoreError> {
        let row = fetch_optional!(
            self,
            (i64, i64),
            "SELECT serial, edited FROM parent_zones WHERE parent = $1",
            parent.as_str().to_owned(),
        )?;
        Ok(FullLook { serial, known: row })
    }

    /// Notes that what a full look saw is in the database. Who wrote after its beginning counts as unseen.
    pub async fn saw_parent(&mut self, parent: &DomainName, look: FullLook) -> Result<(), StoreError> {
        let (known, edited) = look.known.unwrap_or((i64::from(look.serial), 0));
        execute!(
            self,
            "INSERT INTO parent_zones (parent, serial, edited, seen) VALUES ($1, $2, 0, 0)
             ON CONFLICT (parent) DO UPDATE
                SET seen = CASE WHEN parent_zones.seen < $4 THEN $4 ELSE parent_zones.seen END,
                    -- Without a PATCH of ours meanwhile, the serial that it began with has been seen whole.
                    serial = CASE WHEN parent_zones.serial = $3 AND parent_zones.edited = $4 THEN excluded.serial
                                  ELSE parent_zones.serial END",
            parent.as_str().to_owned(),
            i64::from(look.serial),
            known,
            edited,
        )?;
        Ok(())
    }
}
