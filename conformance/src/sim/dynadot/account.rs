//! Who calls, and whether the vendor takes the call.

use std::collections::VecDeque;
use std::sync::PoisonError;

use reqwest::Url;

use super::Vendor;
use super::answer::Refusal;

/// What the vendor says when its main server is away.
pub(super) const MAINTENANCE: &str = "problem with connection to main server";

/// An account and its key. There is one key per account, and it may do everything.
#[derive(Clone)]
pub(super) struct Account {
    /// Its name in the world.
    pub(super) name: &'static str,
    pub(super) key: String,
    /// For signatures of REST.
    pub(super) secret: String,
    /// Whether loopback addresses are on its allow-list, or it has none.
    pub(super) listed: bool,
    /// Whether the vendor is away for it.
    pub(super) away: bool,
}

/// Names and values of a query or a form.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    // Only the query matters: the base makes it a URL.
    Url::parse(&format!("http://localhost/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}

/// Keeps other calls with the same key away until it is dropped.
pub(super) struct Turn {
    vendor: Vendor,
    key: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut busy = self.vendor.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|key| *key != self.key);
    }
}

impl Vendor {
    /// The account that `key` opens.
    pub(super) fn account(&self, key: &str) -> Result<Account, Refusal> {
        let account = self.accounts.iter().find(|account| account.key == key);
        let account = account.ok_or_else(|| Refusal::general("invalid key"))?;
        if !account.listed {
            return Err(Refusal::general(&self.settings().not_listed));
        }
        if account.away {
            return Err(Refusal::general(MAINTENANCE));
        }
        Ok(account.clone())
    }

    /// Whether `key` may be used again within this minute.
    pub(super) fn within_quota(&self, key: &str) -> bool {
        let now = self.world.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used: &mut VecDeque<u64> = used.entry(key.to_owned()).or_default();
        while used.front().is_some_and(|&at| at + 60 <= now) {
            used.pop_front();
        }
        if used.len() >= self.settings().per_minute {
            return false;
        }
        used.push_back(now);
        true
    }

    /// Takes the key for as long as a call takes; `None` when another call has it. When calls take no time, none overlaps.
    pub(super) fn turn(&self, key: &str) -> Option<Turn> {
        if !self.settings().takes.is_zero() {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if busy.iter().any(|other| other == key) {
                return None;
            }
            busy.push(key.to_owned());
        }
        Some(Turn {
            vendor: self.clone(),
            key: key.to_owned(),
        })
    }
}
