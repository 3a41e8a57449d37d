//! Things that happen once: journalled work on one name that survives any crash.
//!
//! The [`runner`] walks an operation's steps from front to back. Each step knows how to *look* (is it done?) and, when
//! it writes, how to *act* (an absolute write: "make it exactly this"). The runner does, for a writing step:
//! intent into the journal → look (the precondition) → act with a deadline → look again → result into the journal.
//! What the second look shows is the outcome; the reply of the call only says whether trying again can help. Where a
//! reply is itself what the server read back, it stands for that look ([`context::Reply`]). A crash anywhere leads back
//! to a look, never to a guess.
//!
//! To add a step: its name in `domain::operation`, its place in the list of a kind, its look and act in a file here.
//! The crash suite enumerates steps from those lists and needs no word about it.

mod activate;
mod conclude;
mod context;
mod dispatch;
mod events;
mod record;
mod release;
mod runner;
mod step;
mod wake;
mod work;
mod write_records;

pub use context::{Context, World};
pub(crate) use events::{claim_event, operation_event};
pub use runner::{CrashPoint, Crashes, Runner};
pub use step::{Look, StepError};
pub use wake::{Wake, Watch};
