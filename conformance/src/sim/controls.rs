//! A vendor's settings, shared between a running simulator and whoever sets them.

use std::sync::{Arc, Mutex, PoisonError};

/// Settings of one simulator. Clones are the same settings; a change holds from the next call on.
#[derive(Default)]
pub struct Controls<T>(Arc<Mutex<T>>);

impl<T> Controls<T> {
    /// Controls that begin with `settings`.
    pub fn new(settings: T) -> Self {
        Self(Arc::new(Mutex::new(settings)))
    }

    /// Looks at or changes the settings. Never held across an await.
    pub fn with<R>(&self, use_them: impl FnOnce(&mut T) -> R) -> R {
        use_them(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Controls<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
