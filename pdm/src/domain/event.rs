//! What happened, for streams. The names are fixed by the API.

/// The kind of an event, as it stands in the `event:` line of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An operation began.
    OperationStarted,
    /// A step began.
    StepStarted,
    /// A step did not succeed and will be tried again.
    StepRetrying,
    /// A step is done.
    StepDone,
    /// An operation waits until a stated time or for a named party.
    OperationWaiting,
    /// Somebody must act before it goes on.
    OperationBlocked,
    /// An operation reached its end.
    OperationSucceeded,
    /// An operation could not be completed and was undone, or was cancelled.
    OperationFailed,
    /// A claim changed.
    ClaimChanged,
    /// A look at the world found something else than the look before.
    PropagationChanged,
}

impl EventKind {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OperationStarted => "operation.started",
            Self::StepStarted => "step.started",
            Self::StepRetrying => "step.retrying",
            Self::StepDone => "step.done",
            Self::OperationWaiting => "operation.waiting",
            Self::OperationBlocked => "operation.blocked",
            Self::OperationSucceeded => "operation.succeeded",
            Self::OperationFailed => "operation.failed",
            Self::ClaimChanged => "claim.changed",
            Self::PropagationChanged => "propagation.changed",
        }
    }
}
