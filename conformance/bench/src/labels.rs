//! Labels that no other turn of this run has used.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A new label. Letters first: pools do not give out names of digits only.
pub fn fresh() -> String {
    format!("load-{:06x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
