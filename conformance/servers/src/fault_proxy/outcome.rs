//! The seven ways a call to another system can end.

use std::time::Duration;

/// What becomes of a call. "Applied" means that the real server gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Applied, and the reply arrives.
    Ok,
    /// Not applied, and the reply says so for good.
    Refused {
        /// Status of the reply: 403 or 422, for example.
        status: u16,
    },
    /// Not applied, and the reply asks to come again.
    Busy {
        /// Status of the reply: 429 or 503.
        status: u16,
        /// Value of `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// Not applied, and no reply.
    Lost(Silence),
    /// Applied, and no reply.
    AppliedButLost(Silence),
    /// No reply, and applied some time later.
    AppliedLate {
        /// From the arrival of the call to its being passed on.
        after: Duration,
        /// How the client learns that there is no reply.
        silence: Silence,
    },
    /// 202 at once, applied later or never.
    Accepted {
        /// From the arrival of the call to its being passed on; `None` is never.
        apply_after: Option<Duration>,
    },
}

/// How a reply fails to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The connection ends.
    Cut,
    /// The connection stays open until the client's own time-out.
    Hang,
}
