//! The server itself: version, caches, statistics, settings.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use crate::{CanonicalName, Client, Error};

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Server {
    /// Its name in the API.
    pub id: String,
    /// `authoritative` for the server this client is made for.
    pub daemon_type: String,
    /// Its version, such as `4.7.3`.
    pub version: String,
}

impl Client {
    /// Asks the server who it is: the way to find out early whether address, server id and key are right.
    ///
    /// A wrong server id looks like missing zones everywhere else.
    pub async fn server(&self) -> Result<Server, Error> {
        self.read(self.url("")).await
    }

    /// Forgets what the server's caches know about this name, and says how many entries that were.
    ///
    /// Needed on each server that shares a database, after a zone was created or deleted or changed through another of
    /// them; and after a creation on the same server if the name was asked for before.
    pub async fn flush_cache(&self, name: &CanonicalName) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Answer {
            count: u64,
        }
        let url = self.url(&format!("/cache/flush?domain={}", name.to_query()));
        let answer: Answer = self.write_and_read(Method::PUT, url, None::<&()>).await?;
        Ok(answer.count)
    }

    /// The counters and gauges of the server, by name. Those with more than one value are left out.
    pub async fn statistics(&self) -> Result<BTreeMap<String, u64>, Error> {
        let items: Vec<Item> = self.read(self.url("/statistics?includerings=false")).await?;
        Ok(items
            .into_iter()
            .filter_map(|item| Some((item.name, item.value.as_str()?.parse().ok()?)))
            .collect())
    }

    /// The server's settings, by name. PowerDNS hides API key and passwords.
    pub async fn config(&self) -> Result<BTreeMap<String, String>, Error> {
        let items: Vec<Item> = self.read(self.url("/config")).await?;
        Ok(items
            .into_iter()
            .filter_map(|item| Some((item.name, item.value.as_str()?.to_owned())))
            .collect())
    }
}

/// A named value in a list. `value` is text, or a list where the name has many values.
#[derive(Deserialize)]
struct Item {
    name: String,
    value: serde_json::Value,
}
