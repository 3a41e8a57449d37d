//! What a look at a domain leaves behind: who asked for it is written down, because it tells whether a credential is good.

use pdm_registrar::DomainName;

use super::Asked;
use super::trail::administered;
use crate::inspect::Report;
use crate::store::{StoreError, Tx};

/// Writes down a look with credentials; one without needs no trace.
pub async fn validated(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    domain: &DomainName,
    report: &Report,
) -> Result<(), StoreError> {
    let Some(credentials) = report.credentials() else {
        return Ok(());
    };
    let detail = format!("{domain}: credentials {credentials}");
    administered(tx, asked, asked.tenant(), "domain.validate", detail).await
}
