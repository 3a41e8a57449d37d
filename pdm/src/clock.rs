//! Time, as the database tells it.
//!
//! Every decision of the control plane uses the clock of the database, read in the statement or transaction
//! that acts, so that replicas with wrong clocks cannot disagree. [`DbTime`] therefore has one maker, the store.
//! Waits inside a process (time-outs, back-off of a poll) use tokio's clock and decide nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment by the clock of the database, in whole microseconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DbTime(i64);

impl DbTime {
    /// For the store alone: a value read from a time column or from the `db_time` view.
    pub(crate) const fn from_store(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the UNIX epoch, as the store keeps it.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the UNIX epoch, for DNSSEC signature times (RFC 4034 section 3.1.5); saturates in 2106.
    pub fn unix_seconds(self) -> u32 {
        u32::try_from(self.0 / 1_000_000).unwrap_or(u32::MAX)
    }

    /// This moment and `wait` more.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// That long before this moment.
    #[must_use]
    pub fn minus(self, ago: Duration) -> Self {
        Self(self.0.saturating_sub(micros(ago)))
    }

    /// How long until `later`; zero when that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl std::fmt::Display for DbTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Serialize for DbTime {
    /// RFC 3339 in UTC.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.timestamp())
    }
}

impl<'de> Deserialize<'de> for DbTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        jiff::Timestamp::deserialize(deserializer).map(|at| Self(at.as_microsecond()))
    }
}

/// A duration in microseconds, as statements bind it.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
