//! The writes of the contract, each as one thing that a check can do, count and look at.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pdm_registrar::{
    Account, Capabilities, Change, Dnskey, DomainName, DsRecord, Error, NameserverSet, OwnerName, Snapshot,
    Support, WantedDs,
};

use crate::check::Facts;
use crate::picture::{self, Picture};
use crate::sim::fixtures::Case;
use crate::sim::world::World;
use crate::subject::{Subject, dns_host, name, registrar};

/// The value that the acts on TXT put and remove.
pub const TXT: &str = "pdm-check=value-0123456789";

/// One write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Other name servers for the ordinary domain.
    SetNameservers,
    /// A DS for the ordinary domain.
    SetDs,
    /// No DS for the signed domain.
    ClearDs,
    /// The ordinary domain back to where it was before its name servers were changed.
    Restore,
    /// A delegation below the hosted zone, without DS.
    Delegate,
    /// The same with a DS.
    DelegateSigned,
    /// The end of such a delegation.
    Undelegate,
    /// A TXT value in the hosted zone.
    PutTxt,
    /// The end of that value.
    RemoveTxt,
}

/// An act that was made ready: the account is open, and what has to be there before is there.
pub struct Ready {
    /// The act.
    pub act: Act,
    /// The account.
    pub account: Box<dyn Account>,
    /// The domain it is about: the ordinary or the signed one, or the hosted zone.
    pub domain: DomainName,
    case: Case,
    snapshot: Option<Snapshot>,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SetNameservers,
        Self::SetDs,
        Self::ClearDs,
        Self::Restore,
        Self::Delegate,
        Self::DelegateSigned,
        Self::Undelegate,
        Self::PutTxt,
        Self::RemoveTxt,
    ];

    /// What of a vendor's capabilities it needs.
    pub fn capability(self) -> fn(&Capabilities) -> Support {
        match self {
            Self::SetNameservers | Self::Restore => |can| can.change_nameservers,
            Self::SetDs | Self::ClearDs => |can| can.change_ds,
            Self::Delegate | Self::Undelegate => |can| can.delegate_subdomain,
            Self::DelegateSigned => |can| can.delegate_signed,
            Self::PutTxt | Self::RemoveTxt => |can| can.txt,
        }
    }

    /// Whether it is about the registry side.
    pub fn at_registry(self) -> bool {
        matches!(
            self,
            Self::SetNameservers | Self::SetDs | Self::ClearDs | Self::Restore
        )
    }

    /// Whether the target has the domain that it is about.
    fn possible(self, facts: &Facts<'_>) -> bool {
        match self {
            Self::SetNameservers | Self::SetDs | Self::Restore => facts.registrar().is_ok(),
            Self::ClearDs => facts.registrar().is_ok() && facts.signed().is_ok(),
            _ => facts.hosted().is_ok(),
        }
    }

    /// The acts that the vendor claims and the target allows.
    pub fn offered(facts: &Facts<'_>) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|act| facts.does(*act).is_ok() && act.possible(facts))
            .collect()
    }

    /// The acts that are not claimed, or not for these credentials, on domains that the target has.
    pub fn unclaimed(facts: &Facts<'_>) -> Vec<Self> {
        let has_domain = |act: &Self| match act {
            Self::SetNameservers | Self::SetDs => true,
            // On what is not there they have nothing to do, which is no refusal.
            Self::ClearDs | Self::Restore => false,
            Self::Undelegate if facts.can(act.capability()).is_ok() => false,
            _ => facts.hosted().is_ok(),
        };
        Self::ALL
            .into_iter()
            .filter(|act| facts.does(*act).is_err() && has_domain(act))
            .collect()
    }

    /// Opens the account, and does what has to be done before.
    pub async fn ready(self, subject: &Subject) -> Result<Ready> {
        let mut ready = self.opened(subject)?;
        let account = &*ready.account;
        let before = match self {
            Self::Restore => {
                let registrar = registrar(account)?;
                ready.snapshot = Some(registrar.snapshot(&ready.domain).await?);
                Some(
                    registrar
                        .set_nameservers(&ready.domain, &wanted_nameservers())
                        .await,
                )
            }
            Self::Undelegate => {
                let (name, none) = (child(&ready.domain)?, WantedDs::none());
                let host = dns_host(account)?;
                Some(
                    host.delegate(&ready.domain, &name, &wanted_nameservers(), &none)
                        .await,
                )
            }
            Self::RemoveTxt => Some(
                dns_host(account)?
                    .put_txt(&ready.domain, &txt_name(&ready.domain)?, TXT)
                    .await,
            ),
            _ => None,
        };
        if let Some(change) = before {
            let change =
                change.with_context(|| format!("what has to be there before {self:?} cannot be made"))?;
            subject.finish(account, &ready.domain, &change).await?;
        }
        Ok(ready)
    }

    /// Opens the account only.
    pub fn opened(self, subject: &Subject) -> Result<Ready> {
        let case = match self {
            Self::SetNameservers | Self::SetDs | Self::Restore => Some(&subject.fixtures.ordinary),
            Self::ClearDs => subject.fixtures.signed.as_ref(),
            _ => subject.fixtures.hosted.as_ref(),
        };
        self.opened_for(subject, case.context("the target has no such domain")?)
    }

    /// Opens the account of a case, for its domain.
    pub fn opened_for(self, subject: &Subject, case: &Case) -> Result<Ready> {
        Ok(Ready {
            act: self,
            account: subject.open(case)?,
            domain: name(&case.domain)?,
            case: case.clone(),
            snapshot: None,
        })
    }
}

impl Ready {
    /// Opens the account anew, with another deadline.
    pub fn reopen(&mut self, subject: &Subject, deadline: Duration) -> Result<()> {
        self.account = subject.open_within(&self.case, deadline)?;
        Ok(())
    }

    /// Does it.
    pub async fn perform(&self) -> Result<Change, Error> {
        let domain = &self.domain;
        // What is missing here is what the adapter claims and does not offer; the error is its own.
        let missing =
            |error: anyhow::Error| Error::new(pdm_registrar::ErrorKind::Unsupported, error.to_string());
        let none = WantedDs::none();
        match self.act {
            Act::SetNameservers => {
                registrar(&*self.account)
                    .map_err(missing)?
                    .set_nameservers(domain, &wanted_nameservers())
                    .await
            }
            Act::SetDs => {
                registrar(&*self.account)
                    .map_err(missing)?
                    .set_ds(domain, &wanted_ds(domain, 1))
                    .await
            }
            Act::ClearDs => {
                registrar(&*self.account)
                    .map_err(missing)?
                    .set_ds(domain, &none)
                    .await
            }
            Act::Restore => {
                let snapshot = self.snapshot.as_ref().expect("taken when it was made ready");
                registrar(&*self.account)
                    .map_err(missing)?
                    .restore(domain, snapshot)
                    .await
            }
            act => {
                let host = dns_host(&*self.account).map_err(missing)?;
                let child = child(domain).map_err(missing)?;
                let owner = txt_name(domain).map_err(missing)?;
                match act {
                    Act::DelegateSigned => {
                        host.delegate(domain, &child, &wanted_nameservers(), &wanted_ds(&child, 1))
                            .await
                    }
                    Act::Undelegate => host.undelegate(domain, &child, Some(&wanted_nameservers())).await,
                    Act::PutTxt => host.put_txt(domain, &owner, TXT).await,
                    Act::RemoveTxt => host.remove_txt(domain, &owner, TXT).await,
                    _ => host.delegate(domain, &child, &wanted_nameservers(), &none).await,
                }
            }
        }
    }

    /// Whether the world is as it was wanted.
    pub fn done(&self, world: &World, vendor: &str) -> bool {
        let domain = &self.domain;
        let at_child = |rtype| picture::records(world, vendor, domain, CHILD, rtype);
        let nameservers = || picture::hosts(at_child("NS").into_iter().map(|record| record.value));
        let wanted: Vec<_> = wanted_nameservers().into();
        let txt = || {
            picture::records(world, vendor, domain, TXT_LABEL, "TXT")
                .iter()
                .any(|record| picture::value(record) == TXT)
        };
        match self.act {
            Act::SetNameservers => picture::nameservers(world, domain).into_iter().eq(wanted),
            Act::SetDs => picture::ds(world, domain) == *wanted_ds(domain, 1).ds(),
            Act::ClearDs => picture::ds(world, domain).is_empty(),
            Act::Restore => {
                let snapshot = self.snapshot.as_ref().expect("taken when it was made ready");
                picture::nameservers(world, domain) == snapshot.nameservers
            }
            Act::Delegate => nameservers().into_iter().eq(wanted) && at_child("DS").is_empty(),
            Act::DelegateSigned => nameservers().into_iter().eq(wanted) && at_child("DS").len() == 1,
            Act::Undelegate => at_child("NS").is_empty() && at_child("DS").is_empty(),
            Act::PutTxt => txt(),
            Act::RemoveTxt => !txt(),
        }
    }

    /// The world without what this act may change.
    pub fn apart(&self, world: &World) -> Picture {
        let picture = Picture::of(world);
        match self.act {
            Act::PutTxt | Act::RemoveTxt => picture.without_records(&self.domain, TXT_LABEL, &["TXT"]),
            act if act.at_registry() => picture.without_delegation_of(&self.domain),
            _ => picture.without_records(&self.domain, CHILD, &["NS", "DS"]),
        }
    }

    /// Holds an answer against the world: who says it was done must have done it, and who says it was not must not have.
    pub fn truthful(
        &self,
        subject: &Subject,
        before: &Picture,
        answer: &Result<Change, Error>,
    ) -> Result<()> {
        use pdm_registrar::Applied;
        let stage = subject.stage()?;
        let done = self.done(&stage.world, subject.vendor().id());
        let act = self.act;
        match answer {
            Ok(Change::Applied | Change::Unchanged) => {
                ensure!(
                    done,
                    "{act:?} answered {answer:?}, and the vendor's state is not the wanted one"
                );
            }
            Ok(Change::Accepted(_)) => {}
            Err(error) => match error.applied {
                Applied::Yes => ensure!(
                    done,
                    "{act:?} failed with `applied: yes`, and it was not done: {error}"
                ),
                Applied::No => Picture::of(&stage.world).same_as(
                    before,
                    &format!("after {act:?} failed with `applied: no` ({error})"),
                )?,
                Applied::Unknown => {}
            },
        }
        Ok(())
    }
}

/// The name below the hosted zone that is delegated.
pub const CHILD: &str = "pdm-check-edge";
/// The name below the hosted zone that holds the TXT.
pub const TXT_LABEL: &str = "_pdm-check";
/// Labels below [`CHILD`] that are delegated as one name.
pub const DEEP: &str = "a.b-c";
/// All values that checks put at the TXT's name in a real zone.
pub const VALUES: [&str; 3] = [TXT, "pdm-check=one", "pdm-check=two"];

/// The delegated name.
pub fn child(zone: &DomainName) -> Result<DomainName> {
    Ok(zone.child(CHILD)?)
}

/// The owner of the TXT.
pub fn txt_name(zone: &DomainName) -> Result<OwnerName> {
    Ok(OwnerName::below(TXT_LABEL, zone)?)
}

/// The name servers that the acts want.
pub fn wanted_nameservers() -> NameserverSet {
    numbered_nameservers(2)
}

/// So many name servers, below two domains that nobody in the world holds.
pub fn numbered_nameservers(count: usize) -> NameserverSet {
    let host = |n: usize| {
        let parent = if n.is_multiple_of(2) {
            "example.net"
        } else {
            "example.org"
        };
        DomainName::parse(&format!("ns{n}.pdm-check.{parent}")).expect("a valid name")
    };
    NameserverSet::new((1..=count).map(host)).expect("two to thirteen")
}

/// A key signing key; each `number` has another.
pub fn key(number: u8) -> Dnskey {
    let public = data_encoding::BASE64.encode(&[number; 64]);
    Dnskey::new(257, 13, &public).expect("a key of the length of its algorithm")
}

/// The DS of that key at `domain`, with the key.
pub fn wanted_ds(domain: &DomainName, number: u8) -> WantedDs {
    WantedDs::new([ds_of(domain, number)], [key(number)])
}

/// The DS of that key at `domain`.
pub fn ds_of(domain: &DomainName, number: u8) -> DsRecord {
    key(number)
        .ds(domain, pdm_registrar::DigestType::Sha256)
        .expect("SHA-256 is made")
}
