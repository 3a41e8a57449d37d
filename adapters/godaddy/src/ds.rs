//! DS of a domain: GoDaddy's words for their numbers, and a change of them.

use std::collections::BTreeSet;

use pdm_registrar::{Applied, Change, DomainName, DsRecord, Error, ErrorKind, WantedDs};

use crate::DS_NEEDS_CUSTOMER;
use crate::account::Opened;
use crate::api::DsChange;
use crate::errors::Failure;
use crate::task::{ActionOf, Goal, LOOKS, Task};
use crate::wire::{CustomerDomain, Dnssec};

/// Algorithms as GoDaddy calls them. The last ones are read and never sent.
const ALGORITHMS: &[(u8, &str)] = &[
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (5, "RSASHA1"),
    (7, "RSASHA1_NSEC3_SHA1"),
];
/// How many of them are sent.
const SENT: usize = 6;

/// Digest types as GoDaddy calls them; it also knows GOST.
const DIGESTS: &[(u8, &str)] = &[(1, "SHA1"), (2, "SHA256"), (4, "SHA384")];

/// A DS that GoDaddy shows; `None` when it is of a kind that is not known here.
pub(crate) fn from_wire(record: &Dnssec) -> Option<DsRecord> {
    let number = |table: &[(u8, &str)], word: &str| {
        let named = table
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(word))
            .map(|(number, _)| *number);
        named.or_else(|| word.parse().ok())
    };
    let algorithm = number(ALGORITHMS, &record.algorithm)?;
    let digest_type = number(DIGESTS, record.digest_type.as_deref()?)?;
    let text = format!(
        "{} {algorithm} {digest_type} {}",
        record.key_tag?,
        record.digest.as_deref()?
    );
    DsRecord::parse(&text).ok()
}

/// All DS; `None` when one of them is of a kind that is not known here.
pub(crate) fn all_from_wire(domain: &CustomerDomain) -> Option<BTreeSet<DsRecord>> {
    domain.dnssec_records.iter().flatten().map(from_wire).collect()
}

/// The words for a DS; an error when GoDaddy has none.
pub(crate) fn to_wire(ds: &DsRecord) -> Result<Dnssec, Error> {
    let algorithm = ALGORITHMS
        .iter()
        .take(SENT)
        .find(|(number, _)| *number == ds.algorithm());
    let digest_type = DIGESTS
        .iter()
        .find(|(number, _)| *number == ds.digest_type().number());
    let (Some((_, algorithm)), Some((_, digest_type))) = (algorithm, digest_type) else {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "GoDaddy takes no DS of algorithm {}: sign with 13 (ECDSAP256SHA256)",
                ds.algorithm()
            ),
        ));
    };
    Ok(Dnssec {
        algorithm: (*algorithm).to_owned(),
        key_tag: Some(u32::from(ds.key_tag())),
        digest_type: Some((*digest_type).to_owned()),
        digest: Some(ds.digest_hex().to_ascii_uppercase()),
        flags: None,
        public_key: None,
        max_signature_life: None,
    })
}

impl Opened {
    /// Makes `wanted` the DS of the domain. `back`: they are those of a snapshot, which may be of GoDaddy's own keys.
    ///
    /// New DS are added before old ones go, so that the chain does not break in between. Only when the new ones are shown is the
    /// second call sent.
    pub(crate) async fn change_ds(
        &self,
        domain: &DomainName,
        wanted: &WantedDs,
        back: bool,
    ) -> Result<Change, Error> {
        if self.api.login().customer.is_none() {
            return Err(Error::new(ErrorKind::Unsupported, DS_NEEDS_CUSTOMER));
        }
        let state = self.state(domain).await?;
        let shown = state.raw_ds();
        let known: BTreeSet<_> = shown.iter().filter_map(from_wire).collect();
        let missing: Vec<_> = wanted.ds().difference(&known).collect();
        let new = missing
            .iter()
            .map(|ds| to_wire(ds))
            .collect::<Result<Vec<_>, _>>()?;
        let old: Vec<_> = shown
            .iter()
            .filter(|record| from_wire(record).is_none_or(|ds| !wanted.ds().contains(&ds)))
            .cloned()
            .collect();
        if new.is_empty() && old.is_empty() {
            return Ok(Change::Unchanged);
        }
        state.changeable()?;
        if state.is_hosted() && !new.is_empty() && !back {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "GoDaddy serves the domain, with keys of its own or none: with these DS nobody who validates could reach it. Change the \
                 name servers first",
            ));
        }
        let goal = Goal::Ds {
            ds: wanted.ds().clone(),
        };
        if new.is_empty() {
            return self.send_ds(domain, DsChange::Remove, &old, goal).await;
        }
        if old.is_empty() {
            return self.add_ds(domain, wanted, &missing, new, goal).await;
        }
        let both = Goal::Ds {
            ds: known.union(wanted.ds()).cloned().collect(),
        };
        self.add_ds(domain, wanted, &missing, new, both).await?;
        self.shows_all(domain, wanted).await?;
        // The first half is done, whatever becomes of this one.
        let removed = self.send_ds(domain, DsChange::Remove, &old, goal).await;
        removed.map_err(Error::maybe_applied)
    }

    /// Adds DS. Some registries make them from keys: where the digests alone are refused, the keys are sent with them.
    async fn add_ds(
        &self,
        domain: &DomainName,
        wanted: &WantedDs,
        missing: &[&DsRecord],
        mut new: Vec<Dnssec>,
        goal: Goal,
    ) -> Result<Change, Error> {
        let refused = match self.send_ds(domain, DsChange::Add, &new, goal.clone()).await {
            Err(error) if error.kind == ErrorKind::InvalidRequest && error.applied == Applied::No => error,
            done => return done,
        };
        for (record, ds) in new.iter_mut().zip(missing) {
            let Some(key) = wanted.key_of(domain, ds) else {
                return Err(refused);
            };
            record.public_key = Some(key.public_key());
            record.flags = Some(if key.flags() & 1 == 1 { "KSK" } else { "ZSK" }.to_owned());
        }
        self.send_ds(domain, DsChange::Add, &new, goal).await
    }

    async fn send_ds(
        &self,
        domain: &DomainName,
        change: DsChange,
        records: &[Dnssec],
        goal: Goal,
    ) -> Result<Change, Error> {
        let kind = change.action();
        let before = self.api.action(domain, kind).await?;
        if before.as_ref().is_some_and(crate::wire::Action::is_open) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "another change of the DS is on its way: nothing was sent",
            ));
        }
        let task = Task {
            action: Some(ActionOf {
                kind: kind.to_owned(),
                after: before.map(|action| action.mark()),
            }),
            ..Task::plain(domain, goal)
        };
        let sent: Result<(), Failure> = self.api.change_ds(domain, change, records).await;
        self.outcome(sent, &task).await
    }

    /// Waits for some seconds until all of `wanted` are shown, beside others.
    async fn shows_all(&self, domain: &DomainName, wanted: &WantedDs) -> Result<(), Error> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let shown = self
                .api
                .customer_domain(domain)
                .await
                .map_err(|failure| failure.error.maybe_applied())?;
            let records = shown
                .iter()
                .filter_map(|shown| shown.dnssec_records.as_ref())
                .flatten();
            if wanted.ds().is_subset(&records.filter_map(from_wire).collect()) {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "GoDaddy took the new DS and does not show them yet; the old ones stand beside them, which harms nothing. Ask again to have \
             them removed",
        )
        .maybe_applied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "E788DD32CB5EA6B18AE46C1D7F0D10B0A43EA0FFA45E20F06FF2E0B6F0C26028";

    #[test]
    fn numbers_become_words_and_come_back() {
        for (algorithm, word) in &ALGORITHMS[..SENT] {
            let ds = DsRecord::parse(&format!("2371 {algorithm} 2 {HEX}")).unwrap();
            let wire = to_wire(&ds).unwrap();
            assert_eq!(
                (wire.algorithm.as_str(), wire.digest.as_deref()),
                (*word, Some(HEX))
            );
            assert_eq!(from_wire(&wire), Some(ds));
        }
        let old = DsRecord::parse(&format!("2371 5 2 {HEX}")).unwrap();
        assert_eq!(to_wire(&old).unwrap_err().kind, ErrorKind::InvalidRequest);
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_something_else() {
        let ds = DsRecord::parse(&format!("2371 13 2 {HEX}")).unwrap();
        let mut wire = to_wire(&ds).unwrap();
        wire.digest_type = Some("GOST".to_owned());
        assert_eq!(from_wire(&wire), None);
        wire.digest_type = Some("SHA384".to_owned());
        assert_eq!(from_wire(&wire), None, "the digest is too short for it");
        let domain = CustomerDomain {
            dnssec_records: Some(vec![to_wire(&ds).unwrap(), wire]),
            actions: None,
        };
        assert_eq!(all_from_wire(&domain), None);
    }
}
