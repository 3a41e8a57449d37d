//! What a simulator was asked, with secrets masked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its kind, as the vendor's simulator names it.
    pub call: String,
    /// Query and body as they were sent, without secrets.
    pub sent: String,
    /// Status of the answer; 0 while there is none.
    pub status: u16,
    /// Whether it was meant to change something.
    pub write: bool,
}

/// The requests of one simulator, in order.
#[derive(Clone, Default)]
pub struct Journal {
    entries: Arc<Mutex<Vec<Entry>>>,
    secrets: Arc<Mutex<Vec<String>>>,
    reads: Arc<Mutex<Vec<&'static str>>>,
}

impl Journal {
    /// Makes a secret known, which is then masked.
    pub fn mask(&self, secret: &str) {
        lock(&self.secrets).push(secret.to_owned());
    }

    /// Calls whose kind begins with one of these only read; all others count as writes.
    pub fn reads(&self, prefixes: &[&'static str]) {
        lock(&self.reads).extend_from_slice(prefixes);
    }

    /// All requests so far.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    /// Requests so far that were meant to change something.
    pub fn writes(&self) -> usize {
        lock(&self.entries).iter().filter(|entry| entry.write).count()
    }

    /// Forgets all requests.
    pub fn clear(&self) {
        lock(&self.entries).clear();
    }

    pub(super) fn begin(&self, call: &str, query: &str, body: &[u8]) -> usize {
        let write = !lock(&self.reads).iter().any(|prefix| call.starts_with(prefix));
        let sent = format!("{query}\n{}", String::from_utf8_lossy(body));
        let entry = Entry {
            call: self.masked(call),
            sent: self.masked(sent.trim()),
            status: 0,
            write,
        };
        let mut entries = lock(&self.entries);
        entries.push(entry);
        entries.len() - 1
    }

    pub(super) fn end(&self, at: usize, status: u16) {
        // The journal may have been cleared meanwhile.
        if let Some(entry) = lock(&self.entries).get_mut(at) {
            entry.status = status;
        }
    }

    fn masked(&self, text: &str) -> String {
        lock(&self.secrets).iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        })
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
