//! Edits that wait for their PATCH.

use std::collections::VecDeque;

use pdm_registrar::DomainName;
use powerdns_client::{RecordType, Rrset, RrsetChange};
use tokio::sync::oneshot;

use super::{Edit, EditError};
use crate::dns::canonical;
use crate::domain::ids::OperationId;

/// Most names in one PATCH.
pub(super) const MAX_BATCH: usize = 100;

/// An edit that waits.
pub(super) struct Waiting {
    pub(super) name: DomainName,
    pub(super) edit: Edit,
    /// The turn, operation and fence, that asked for it.
    pub(super) turn: (OperationId, i64),
    pub(super) done: oneshot::Sender<Result<(), EditError>>,
}

/// The next edits that may share a PATCH: at most one per name, in order of arrival. What stays keeps its order.
pub(super) fn next_batch(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut batch: Vec<Waiting> = Vec::new();
    let mut later = VecDeque::new();
    for next in waiting.drain(..) {
        let again = batch.iter().chain(&later).any(|w| w.name == next.name);
        if next.done.is_closed() {
            continue;
        }
        if batch.len() < MAX_BATCH && !again {
            batch.push(next);
        } else {
            later.push_back(next);
        }
    }
    *waiting = later;
    batch
}

/// What an edit is for PowerDNS.
pub(super) fn changes(name: &DomainName, edit: &Edit) -> [RrsetChange; 2] {
    let name = canonical(name.as_str());
    match edit {
        Edit::Put(delegation) => [
            RrsetChange::Replace(Rrset::new(
                name.clone(),
                RecordType::NS,
                delegation.ns_ttl,
                delegation.nameservers.iter().map(|host| format!("{host}.")),
            )),
            RrsetChange::Replace(Rrset::new(
                name,
                RecordType::DS,
                delegation.ds_ttl,
                delegation.ds.iter().map(ToString::to_string),
            )),
        ],
        Edit::Remove => [
            RrsetChange::Delete {
                name: name.clone(),
                rtype: RecordType::NS,
            },
            RrsetChange::Delete {
                name,
                rtype: RecordType::DS,
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::Delegation;
    use super::*;

    fn name(label: &str) -> DomainName {
        DomainName::parse(&format!("{label}.omani.works")).unwrap()
    }

    fn waiting(label: &str, edit: Edit) -> (Waiting, oneshot::Receiver<Result<(), EditError>>) {
        let (done, answer) = oneshot::channel();
        (
            Waiting {
                name: name(label),
                edit,
                turn: (OperationId::new(), 1),
                done,
            },
            answer,
        )
    }

    #[test]
    fn edits_of_one_name_never_share_a_batch_and_keep_their_order() {
        let mut answers = Vec::new();
        let mut queue = VecDeque::new();
        let put = || {
            Edit::Put(Delegation {
                nameservers: vec![],
                ds: vec![],
                ns_ttl: 1,
                ds_ttl: 1,
            })
        };
        for (label, edit) in [
            ("aaa", Edit::Remove),
            ("bbb", put()),
            ("aaa", put()),
            ("aaa", Edit::Remove),
        ] {
            let (edit, answer) = waiting(label, edit);
            queue.push_back(edit);
            answers.push(answer);
        }
        let order = |batch: &[Waiting]| {
            batch
                .iter()
                .map(|w| (w.name.clone(), w.edit == Edit::Remove))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            order(&next_batch(&mut queue)),
            [(name("aaa"), true), (name("bbb"), false)]
        );
        assert_eq!(order(&next_batch(&mut queue)), [(name("aaa"), false)]);
        assert_eq!(order(&next_batch(&mut queue)), [(name("aaa"), true)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_is_bounded_and_leaves_out_who_has_gone() {
        let mut queue = VecDeque::new();
        let mut answers = Vec::new();
        for n in 0..MAX_BATCH + 5 {
            let (edit, answer) = waiting(&format!("name-{n}"), Edit::Remove);
            queue.push_back(edit);
            answers.push(answer);
        }
        answers.remove(0);
        let batch = next_batch(&mut queue);
        assert_eq!((batch.len(), queue.len()), (MAX_BATCH, 4));
        assert_eq!(batch[0].name, name("name-1"));
    }
}
