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

    /// How often somebody else was seen to write into a parent zone. Asked before a full look, for [`Self::saw_parent`].
    pub async fn parent_edits(&mut self, parent: &DomainName) -> Result<i64, StoreError> {
        let row = fetch_optional!(
            self,
            (i64,),
            "SELECT edited FROM parent_zones WHERE parent = $1",
            parent.as_str().to_owned(),
        )?;
        Ok(row.map_or(0, |(edited,)| edited))
    }

    /// Notes that a full look, begun when there were `edits`, is in the database.
    pub async fn saw_parent(&mut self, parent: &DomainName, edits: i64) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE parent_zones SET seen = $2 WHERE parent = $1 AND seen < $2",
            parent.as_str().to_owned(),
            edits,
        )?;
        Ok(())
    }
}
