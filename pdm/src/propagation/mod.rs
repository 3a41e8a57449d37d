//! What the world sees: asking name servers, and judging what they say.
//!
//! * `ask`: one question to one server, to addresses that the `filter` allows;
//! * `look`: what single servers say of a zone, of a delegation, of an RRset; nothing is validated;
//! * `walk`: a validating walk from the root to a name, as a resolver with an empty cache makes it.
//!
//! Nothing here decides or remembers anything about a domain: it observes and reports. Time for the validity of signatures
//! is passed in.

mod anchors;
mod ask;
mod denial;
mod filter;
mod look;
mod rrset;
mod special_purpose;
mod walk;

pub use hickory_proto::op::ResponseCode;
pub use hickory_proto::rr::{Name, RData, Record, RecordType};

pub use anchors::{AnchorError, Anchors};
pub use ask::{Answer, AskError, AskSettings, Asker, Over, Transport};
pub use filter::{AddressFilter, Network, NotANetwork, is_global};
pub use look::{
    DsAtParent, NsAtParent, ParentView, RrsetView, Seen, ServerView, Standing, ZoneAsServed, look_at_ds,
    look_at_parent, look_at_server, rrset_at,
};
pub use walk::{Outcome, Pin, Question, Verdict, Walk, WalkSettings, Walker};
