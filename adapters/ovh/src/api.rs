//! The vendor's calls, one function each.

use std::collections::{BTreeMap, BTreeSet};

use pdm_registrar::http::reqwest::Method;
use pdm_registrar::{Dnskey, DomainName};
use serde_json::{Value, json};

use crate::client::Client;
use crate::errors::Failure;
use crate::wire;

/// Paths behind the tree. Names hold only what a path takes as it is.
pub(crate) mod path {
    use pdm_registrar::DomainName;

    pub(crate) fn domain(domain: &DomainName) -> String {
        format!("/domain/{domain}")
    }
    pub(crate) fn name_servers(domain: &DomainName) -> String {
        format!("/domain/{domain}/nameServer")
    }
    pub(crate) fn name_server(domain: &DomainName, id: u64) -> String {
        format!("/domain/{domain}/nameServer/{id}")
    }
    pub(crate) fn update_name_servers(domain: &DomainName) -> String {
        format!("/domain/{domain}/nameServers/update")
    }
    pub(crate) fn tasks(domain: &DomainName) -> String {
        format!("/domain/{domain}/task")
    }
    pub(crate) fn task(domain: &DomainName, id: u64) -> String {
        format!("/domain/{domain}/task/{id}")
    }
    pub(crate) fn ds_records(domain: &DomainName) -> String {
        format!("/domain/{domain}/dsRecord")
    }
    pub(crate) fn ds_record(domain: &DomainName, id: u64) -> String {
        format!("/domain/{domain}/dsRecord/{id}")
    }
    pub(crate) fn glue(domain: &DomainName, host: &DomainName) -> String {
        format!("/domain/{domain}/glueRecord/{host}")
    }
    pub(crate) fn zone(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}")
    }
    pub(crate) fn zone_status(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}/status")
    }
    pub(crate) fn zone_dnssec(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}/dnssec")
    }
    pub(crate) fn records(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}/record")
    }
    pub(crate) fn record(zone: &DomainName, id: u64) -> String {
        format!("/domain/zone/{zone}/record/{id}")
    }
    pub(crate) fn refresh(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}/refresh")
    }
    pub(crate) fn export(zone: &DomainName) -> String {
        format!("/domain/zone/{zone}/export")
    }
}

impl Client {
    /// What this consumer key may do.
    pub(crate) async fn current_credential(&self) -> Result<wire::Credential, Failure> {
        self.get("/auth/currentCredential").await
    }

    /// A registration.
    pub(crate) async fn domain(&self, domain: &DomainName) -> Result<wire::Domain, Failure> {
        self.get(&path::domain(domain)).await
    }

    /// Says who serves a domain. Only this property is sent: others that are in the object would be written too.
    pub(crate) async fn set_name_server_type(&self, domain: &DomainName, word: &str) -> Result<(), Failure> {
        let body = json!({ "nameServerType": word });
        self.write::<Value>(Method::PUT, &path::domain(domain), Some(body))
            .await?;
        Ok(())
    }

    /// Numbers of the domain's name servers, also of those that come and go.
    pub(crate) async fn name_server_ids(&self, domain: &DomainName) -> Result<Vec<u64>, Failure> {
        self.get(&path::name_servers(domain)).await
    }

    /// One of them.
    pub(crate) async fn name_server(
        &self,
        domain: &DomainName,
        id: u64,
    ) -> Result<wire::NameServer, Failure> {
        self.get(&path::name_server(domain, id)).await
    }

    /// Replaces the name servers; `addresses` for hosts that the registry wants with theirs.
    pub(crate) async fn update_name_servers(
        &self,
        domain: &DomainName,
        hosts: &BTreeSet<DomainName>,
        addresses: &BTreeMap<DomainName, String>,
    ) -> Result<Option<wire::Task>, Failure> {
        let hosts: Vec<Value> = hosts
            .iter()
            .map(|host| match addresses.get(host) {
                Some(address) => json!({ "host": host, "ip": address }),
                None => json!({ "host": host }),
            })
            .collect();
        let body = json!({ "nameServers": hosts });
        self.write(Method::POST, &path::update_name_servers(domain), Some(body))
            .await
    }

    /// Numbers of tasks of a domain. `function` is matched loosely by the vendor.
    pub(crate) async fn task_ids(
        &self,
        domain: &DomainName,
        function: &str,
        status: &str,
    ) -> Result<Vec<u64>, Failure> {
        let path = path::tasks(domain);
        self.get(&format!("{path}?function={function}&status={status}"))
            .await
    }

    /// A task.
    pub(crate) async fn domain_task(&self, domain: &DomainName, id: u64) -> Result<wire::Task, Failure> {
        self.get(&path::task(domain, id)).await
    }

    /// Numbers of the keys the registry was told of.
    pub(crate) async fn ds_ids(&self, domain: &DomainName) -> Result<Vec<u64>, Failure> {
        self.get(&path::ds_records(domain)).await
    }

    /// One of them.
    pub(crate) async fn ds_key(&self, domain: &DomainName, id: u64) -> Result<wire::Key, Failure> {
        self.get(&path::ds_record(domain, id)).await
    }

    /// Replaces all keys.
    pub(crate) async fn update_ds(
        &self,
        domain: &DomainName,
        keys: &[&Dnskey],
    ) -> Result<Option<wire::Task>, Failure> {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| {
                json!({
                    "algorithm": key.algorithm(),
                    "flags": key.flags(),
                    "publicKey": key.public_key(),
                    "tag": key.key_tag(),
                })
            })
            .collect();
        let body = json!({ "keys": keys });
        self.write(Method::POST, &path::ds_records(domain), Some(body))
            .await
    }

    /// Fails when the registry does not know addresses of `host`, which is below `domain`.
    pub(crate) async fn glue(&self, domain: &DomainName, host: &DomainName) -> Result<Value, Failure> {
        self.get(&path::glue(domain, host)).await
    }

    /// A zone.
    pub(crate) async fn zone(&self, zone: &DomainName) -> Result<wire::Zone, Failure> {
        self.get(&path::zone(zone)).await
    }

    /// Whether the stored records are served.
    pub(crate) async fn zone_status(&self, zone: &DomainName) -> Result<wire::ZoneStatus, Failure> {
        self.get(&path::zone_status(zone)).await
    }

    /// Whether OVH signs a zone.
    pub(crate) async fn zone_dnssec(&self, zone: &DomainName) -> Result<wire::ZoneDnssec, Failure> {
        self.get(&path::zone_dnssec(zone)).await
    }

    /// Has OVH sign a zone, or not.
    pub(crate) async fn set_zone_dnssec(&self, zone: &DomainName, on: bool) -> Result<(), Failure> {
        let method = if on { Method::POST } else { Method::DELETE };
        self.write::<Value>(method, &path::zone_dnssec(zone), None)
            .await?;
        Ok(())
    }

    /// Numbers of a zone's records. The vendor matches `owner` and `rtype` loosely.
    pub(crate) async fn record_ids(
        &self,
        zone: &DomainName,
        owner: Option<&str>,
        rtype: Option<&str>,
    ) -> Result<Vec<u64>, Failure> {
        let filters = [("fieldType", rtype), ("subDomain", owner)];
        let filters: Vec<String> = filters
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect();
        let mut path = path::records(zone);
        if !filters.is_empty() {
            path = format!("{path}?{}", filters.join("&"));
        }
        self.get(&path).await
    }

    /// A record.
    pub(crate) async fn record(&self, zone: &DomainName, id: u64) -> Result<wire::Record, Failure> {
        self.get(&path::record(zone, id)).await
    }

    /// Stores a record. The number in the answer has been wrong: find it by listing.
    pub(crate) async fn create_record(
        &self,
        zone: &DomainName,
        record: &wire::NewRecord,
    ) -> Result<(), Failure> {
        let body = json!(record);
        self.write::<Value>(Method::POST, &path::records(zone), Some(body))
            .await?;
        Ok(())
    }

    /// Removes a record from the stored zone.
    pub(crate) async fn delete_record(&self, zone: &DomainName, id: u64) -> Result<(), Failure> {
        self.write::<Value>(Method::DELETE, &path::record(zone, id), None)
            .await?;
        Ok(())
    }

    /// Has what is stored served.
    pub(crate) async fn refresh(&self, zone: &DomainName) -> Result<(), Failure> {
        self.write::<Value>(Method::POST, &path::refresh(zone), None)
            .await?;
        Ok(())
    }

    /// The zone as a zone file.
    pub(crate) async fn export(&self, zone: &DomainName) -> Result<String, Failure> {
        self.get(&path::export(zone)).await
    }
}
