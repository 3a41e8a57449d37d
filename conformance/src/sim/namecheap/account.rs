//! Who calls, and whether the vendor takes the call.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::PoisonError;

use super::Vendor;
use super::answer::Refusal;
use super::command::Parameters;

/// An account with its key, which may do everything.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) user: &'static str,
    pub(super) key: &'static str,
    /// Whether loopback addresses are on its allow-list.
    pub(super) listed: bool,
    /// Whether the vendor is away for it.
    pub(super) away: bool,
    /// Domains of others that it may look at.
    pub(super) shared: &'static [&'static str],
}

/// Why a call is not taken.
pub(super) enum Denied {
    Refused(Vec<Refusal>),
    TooMany,
    Away,
}

impl Vendor {
    /// Parameters first, then user and key, then the address, all before the command.
    pub(super) fn caller(&self, parameters: &Parameters) -> Result<Account, Denied> {
        let mut missing = Vec::new();
        let mut names = vec![
            ("ApiUser", 1_010_101),
            ("ApiKey", 1_010_102),
            ("UserName", 1_010_103),
            ("Command", 1_010_104),
        ];
        if self.settings().client_ip_required {
            names.push(("ClientIp", 1_010_105));
        }
        for (name, number) in names {
            if parameters.get(name).is_none() {
                missing.push(Refusal::new(number, format!("Parameter {name} is missing")));
            }
        }
        if !missing.is_empty() {
            return Err(Denied::Refused(missing));
        }
        let refused = |number, text: &str| Denied::Refused(vec![Refusal::new(number, text)]);
        let client = parameters.get("ClientIp");
        if client.is_some_and(|address| address.parse::<Ipv4Addr>().is_err()) {
            return Err(refused(1_011_105, "Parameter ClientIp is invalid"));
        }
        let (user, key) = (parameters.get("ApiUser"), parameters.get("ApiKey"));
        let found = self.accounts.iter().find(|account| {
            let same_user = user.is_some_and(|user| user.eq_ignore_ascii_case(account.user));
            same_user && key.is_some_and(|key| key.eq_ignore_ascii_case(account.key))
        });
        let account = found
            .ok_or_else(|| refused(1_011_102, "API Key is invalid or API access has not been enabled"))?;
        let acted_on = parameters.get("UserName").unwrap_or_default();
        if !acted_on.eq_ignore_ascii_case(account.user) {
            return Err(refused(1_019_103, "UserName is not available"));
        }
        if !account.listed {
            return Err(refused(1_011_150, "Invalid request IP: 127.0.0.1"));
        }
        if account.away {
            return Err(Denied::Away);
        }
        if !self.within_windows(account.user) {
            return Err(Denied::TooMany);
        }
        Ok(account.clone())
    }

    fn within_windows(&self, user: &'static str) -> bool {
        let (now, windows) = (self.world.now(), self.settings().windows);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used: &mut VecDeque<u64> = used.entry(user).or_default();
        let longest = windows.iter().map(|&(seconds, _)| seconds).max().unwrap_or(0);
        while used.front().is_some_and(|&at| at + longest <= now) {
            used.pop_front();
        }
        let full = windows.iter().any(|&(seconds, most)| {
            let within = used.iter().rev().take_while(|&&at| at + seconds > now).count();
            within >= most
        });
        if !full {
            used.push_back(now);
        }
        !full
    }
}
