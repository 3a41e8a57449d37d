//! The vendor's clock, which signatures are made by.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the vendor's clock is from ours; unknown until it was asked for, and again after a call was refused as out of time.
#[derive(Default)]
pub(crate) struct Clock(Mutex<Option<i64>>);

impl Clock {
    /// Seconds since 1970 on the vendor's clock, if its distance is known.
    pub(crate) fn now(&self) -> Option<i64> {
        self.lock().map(|ahead| local().saturating_add(ahead))
    }

    /// Takes what the vendor's clock shows now.
    pub(crate) fn set(&self, vendor: i64) {
        *self.lock() = Some(vendor.saturating_sub(local()));
    }

    /// Forgets the distance.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn local() -> i64 {
    // A machine whose clock is before 1970 is as wrong as any other: the distance makes up for it.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_time_is_kept_until_it_is_forgotten() {
        let clock = Clock::default();
        assert_eq!(clock.now(), None);
        clock.set(1_700_000_000);
        let now = clock.now().unwrap();
        assert!((1_700_000_000..1_700_000_060).contains(&now), "{now}");
        clock.forget();
        assert_eq!(clock.now(), None);
    }
}
