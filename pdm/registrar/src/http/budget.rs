//! One budget of calls per vendor account, shared by everything in this process that uses the account.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::descriptor::Budget;
use crate::secret::Secret;

/// How long an account's budget is remembered after its last use: longer than a vendor's longest window that a process could
/// overrun by forgetting.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// How much faster than at the vendor a stand-in is asked: it has no one else to serve, and a suite of thousands of calls has to end.
const STAND_IN_PACE: u32 = 600;

/// The budgets of all accounts of one adapter. Each adapter has one in a `static`.
pub struct Budgets(Mutex<Option<HashMap<[u8; 32], Known>>>);

struct Known {
    shared: Arc<Shared>,
    used: Instant,
}

/// A budget that several opened accounts share.
pub(crate) struct Shared {
    pace: DefaultDirectRateLimiter,
    in_flight: Arc<Semaphore>,
}

impl Budgets {
    /// No accounts yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The budget of the account that `key` opens at `base`. Accounts are told apart by a digest: the key is not kept.
    pub(crate) fn of(&self, budget: Budget, base: &str, stand_in: bool, key: &Secret) -> Arc<Shared> {
        let fingerprint = key.expose(|key| digest(&SHA256, format!("{base}\0{key}").as_bytes()));
        let mut id = [0; 32];
        id.copy_from_slice(fingerprint.as_ref());
        let now = Instant::now();
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = accounts.get_or_insert_default();
        accounts.retain(|_, known| {
            Arc::strong_count(&known.shared) > 1 || now.duration_since(known.used) < REMEMBERED
        });
        let known = accounts.entry(id).or_insert_with(|| Known {
            shared: Arc::new(Shared::new(budget, stand_in)),
            used: now,
        });
        known.used = now;
        Arc::clone(&known.shared)
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn new(budget: Budget, stand_in: bool) -> Self {
        let faster = |number: NonZeroU32| {
            if stand_in {
                number.saturating_mul(NonZeroU32::new(STAND_IN_PACE).unwrap_or(NonZeroU32::MIN))
            } else {
                number
            }
        };
        let quota = Quota::per_minute(faster(budget.per_minute)).allow_burst(faster(budget.burst));
        Self {
            pace: RateLimiter::direct(quota),
            in_flight: Arc::new(Semaphore::new(budget.in_flight)),
        }
    }

    /// Waits for a turn; the call is in flight until the permit is dropped.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.in_flight).acquire_owned().await.ok();
        self.pace.until_ready().await;
        permit
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn accounts_opened_twice_share_their_turns_and_others_do_not() {
        let budgets = Budgets::new();
        let budget = Budget::new(60, 10, 1);
        let (key, other) = (Secret::new("test-key-one"), Secret::new("test-key-two"));
        let first = budgets.of(budget, "https://vendor.example", false, &key);
        let again = budgets.of(budget, "https://vendor.example", false, &key);
        let stranger = budgets.of(budget, "https://vendor.example", false, &other);
        let turn = first.turn().await;
        assert!(again.turn().now_or_never().is_none(), "one call in flight");
        assert!(stranger.turn().now_or_never().is_some());
        drop(turn);
        assert!(again.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_burst_ends_and_is_paced() {
        let budgets = Budgets::new();
        let shared = budgets.of(
            Budget::new(1, 2, 5),
            "https://vendor.example",
            false,
            &Secret::new("test-key"),
        );
        assert!(shared.turn().now_or_never().is_some());
        assert!(shared.turn().now_or_never().is_some());
        assert!(shared.turn().now_or_never().is_none());
    }
}
