//! Which code is behind the name of a step.

use super::context::Context;
use super::step::{Look, StepError};
use super::{activate, release, write_records};
use crate::domain::operation::StepName;

/// Whether the step is done.
pub(super) async fn look(name: StepName, cx: &Context<'_>) -> Result<Look, StepError> {
    use StepName as S;
    match name {
        S::ReadParent => activate::look_read_parent(cx).await,
        S::CreateZone => activate::look_create_zone(cx).await,
        S::CheckServers => activate::look_check_servers(cx).await,
        S::Delegate => activate::look_delegate(cx).await,
        S::CheckParent => activate::look_check_parent(cx).await,
        S::Validate => activate::look_validate(cx).await,
        S::Settle => release::look_settle(cx).await,
        S::EmptyZone => release::look_empty_zone(cx).await,
        S::Undelegate => release::look_undelegate(cx).await,
        S::CheckWithdrawn => release::look_check_withdrawn(cx).await,
        S::Drain => release::look_drain(cx).await,
        S::DeleteZone => release::look_delete_zone(cx).await,
        S::CheckGone => release::look_check_gone(cx).await,
        S::WriteRecords => write_records::look_write_records(cx).await,
        S::CheckRecords => write_records::look_check_records(cx).await,
    }
}

/// Makes it done, when it writes.
pub(super) async fn act(name: StepName, cx: &Context<'_>) -> Result<(), StepError> {
    use StepName as S;
    match name {
        S::CreateZone => activate::act_create_zone(cx).await,
        S::Delegate => activate::act_delegate(cx).await,
        S::EmptyZone => release::act_empty_zone(cx).await,
        S::Undelegate => release::act_undelegate(cx).await,
        S::DeleteZone => release::act_delete_zone(cx).await,
        S::WriteRecords => write_records::act_write_records(cx).await,
        // Steps that only read have nothing to do but look again.
        S::ReadParent
        | S::CheckServers
        | S::CheckParent
        | S::Validate
        | S::Settle
        | S::CheckWithdrawn
        | S::Drain
        | S::CheckGone
        | S::CheckRecords => Ok(()),
    }
}
