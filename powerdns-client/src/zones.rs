//! Zones: create, read, change their settings, delete, list.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::optional;
use crate::stream::Place;
use crate::{CanonicalName, Client, Effect, Error, ErrorKind, Rrset, rules};

/// How a zone is replicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZoneKind {
    /// By the database, or not at all.
    Native,
    /// By transfers from here.
    #[serde(alias = "Primary")]
    Master,
    /// By transfers to here.
    #[serde(alias = "Secondary")]
    Slave,
    /// A catalog zone ([RFC 9432](https://www.rfc-editor.org/rfc/rfc9432)) made here.
    Producer,
    /// A catalog zone transferred to here.
    Consumer,
    /// A kind this version of the client does not know.
    #[serde(other, skip_serializing)]
    Other,
}

/// A zone to be created.
///
/// ```
/// use powerdns_client::{CanonicalName, NewZone, RecordType, Rrset};
///
/// let name = CanonicalName::parse("acme.example.net.")?;
/// let mut zone = NewZone::new(name.clone());
/// zone.account = "team-a".to_owned();
/// zone.rrsets = vec![
///     Rrset::new(name.clone(), RecordType::SOA, 300, ["ns1.example.org. hostmaster.example.org. 1 10800 3600 604800 60"]),
///     Rrset::new(name, RecordType::NS, 3600, ["ns1.example.org.", "ns2.example.org."]),
/// ];
/// # Ok::<(), powerdns_client::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewZone {
    /// Its apex.
    pub name: CanonicalName,
    /// Default [`ZoneKind::Native`].
    pub kind: ZoneKind,
    /// Whether it is signed: with one key for all (CSK), algorithm 13, unless the server's settings say otherwise.
    /// Default yes.
    pub dnssec: bool,
    /// A text of the caller's, stored together with the zone: a mark of who made it. At most 40 characters.
    pub account: String,
    /// How the API raises the serial at changes; default `DEFAULT` (`YYYYMMDDnn`).
    pub soa_edit_api: String,
    /// Whether each change puts NSEC order and empty non-terminals right. Costs time in proportion to the zone. Default
    /// yes.
    pub api_rectify: bool,
    /// `1 0 0 -` for NSEC3 without salt and iterations; empty for NSEC (default).
    pub nsec3param: String,
    /// NSEC3 records made for each question ("white lies"), so that the zone cannot be walked.
    pub nsec3narrow: bool,
    /// The catalog zone it is a member of.
    pub catalog: Option<CanonicalName>,
    /// Addresses to transfer from, for [`ZoneKind::Slave`] and [`ZoneKind::Consumer`].
    pub masters: Vec<String>,
    /// Everything the zone holds: SOA and NS of the apex at least, unless it is transferred to here.
    pub rrsets: Vec<Rrset>,
}

impl NewZone {
    /// A signed native zone without content.
    pub fn new(name: CanonicalName) -> Self {
        Self {
            name,
            kind: ZoneKind::Native,
            dnssec: true,
            account: String::new(),
            soa_edit_api: "DEFAULT".to_owned(),
            api_rectify: true,
            nsec3param: String::new(),
            nsec3narrow: false,
            catalog: None,
            masters: Vec::new(),
            rrsets: Vec::new(),
        }
    }
}

/// A zone's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ZoneProperties {
    /// Its apex.
    pub name: CanonicalName,
    /// How it is replicated.
    pub kind: ZoneKind,
    /// Whether it is signed. A zone whose creation was cut short may have `false` here.
    pub dnssec: bool,
    /// The caller's text.
    #[serde(default)]
    pub account: String,
    /// The serial in the database.
    pub serial: u32,
    /// The serial that is served.
    pub edited_serial: u32,
    /// How the serial that is served is made from that of the database; empty if it is that one.
    #[serde(default)]
    pub soa_edit: String,
    /// How the API raises the serial; empty if it does not.
    #[serde(default)]
    pub soa_edit_api: String,
    /// Whether each change is rectified. `false` also stands for "not set", where the server's `default-api-rectify`
    /// (yes, as shipped) decides: set it explicitly.
    #[serde(default)]
    pub api_rectify: bool,
    /// NSEC3 parameters; empty for NSEC.
    #[serde(default)]
    pub nsec3param: String,
    /// Whether NSEC3 records are made for each question.
    #[serde(default)]
    pub nsec3narrow: bool,
    /// The catalog zone it is a member of; empty for none.
    #[serde(default)]
    pub catalog: String,
    /// Keys (by id) with which transfers from here must be signed.
    #[serde(default)]
    pub master_tsig_key_ids: Vec<String>,
}

/// A zone with its content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Zone {
    /// The settings.
    #[serde(flatten)]
    pub properties: ZoneProperties,
    /// All RRsets, without those that the server makes for DNSSEC.
    pub rrsets: Vec<Rrset>,
}

/// A zone in a listing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ZoneSummary {
    /// Its apex.
    pub name: CanonicalName,
    /// How it is replicated.
    pub kind: ZoneKind,
    /// The caller's text.
    #[serde(default)]
    pub account: String,
    /// The serial in the database.
    pub serial: u32,
}

/// Which zones to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ZoneFilter {
    /// All of the server.
    #[default]
    All,
    /// The one of this name, if it is there.
    Name(CanonicalName),
}

/// Settings to change; what is `None` stays as it is.
///
/// Signing is not among them: `"dnssec": false` deletes the keys, and a zone whose DS is published is bogus from then
/// on. Use the calls for keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ZoneChange {
    /// See [`NewZone::kind`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ZoneKind>,
    /// See [`NewZone::account`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// See [`NewZone::soa_edit_api`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soa_edit_api: Option<String>,
    /// See [`NewZone::api_rectify`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_rectify: Option<bool>,
    /// See [`NewZone::nsec3param`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nsec3param: Option<String>,
    /// See [`NewZone::nsec3narrow`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nsec3narrow: Option<bool>,
    /// The catalog zone to be a member of; `Some("")` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// See [`ZoneProperties::master_tsig_key_ids`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_tsig_key_ids: Option<Vec<String>>,
}

/// What goes over the wire to create a zone.
#[derive(Serialize)]
struct Creation<'a> {
    name: &'a CanonicalName,
    kind: ZoneKind,
    dnssec: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    soa_edit_api: &'a str,
    api_rectify: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    nsec3param: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    nsec3narrow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<&'a CanonicalName>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    masters: &'a [String],
    /// Always empty: NS records are in `rrsets`, and PowerDNS wants them in one place only.
    nameservers: [&'a str; 0],
    rrsets: &'a [Rrset],
}

impl Client {
    /// Creates a zone with its whole content in one request. There is no second one that could get lost.
    ///
    /// Fails with [`Effect::Applied`] if the zone exists now and is signed although it should not be, or the reverse.
    /// After [`Effect::Unknown`] the zone may be there in part: compare [`Zone::rrsets`], keys and `account`.
    pub async fn create_zone(&self, zone: &NewZone) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            dnssec: bool,
        }
        let answer: Answer = self.post_zone(zone, "/zones?rrsets=false").await?;
        as_asked(zone, answer.dnssec)
    }

    /// The same, and what the server read back from its database after it had written the zone.
    pub async fn create_and_read_zone(&self, zone: &NewZone) -> Result<Zone, Error> {
        let created: Zone = self.post_zone(zone, "/zones").await?;
        as_asked(zone, created.properties.dnssec)?;
        Ok(created)
    }

    async fn post_zone<T: DeserializeOwned>(&self, zone: &NewZone, path: &str) -> Result<T, Error> {
        rules::check_new_zone(zone, self.allows_lua())?;
        let body = Creation {
            name: &zone.name,
            kind: zone.kind,
            dnssec: zone.dnssec,
            account: &zone.account,
            soa_edit_api: &zone.soa_edit_api,
            api_rectify: zone.api_rectify,
            nsec3param: &zone.nsec3param,
            nsec3narrow: zone.nsec3narrow,
            catalog: zone.catalog.as_ref(),
            masters: &zone.masters,
            nameservers: [],
            rrsets: &zone.rrsets,
        };
        self.write_and_read(Method::POST, self.url(path), Some(&body))
            .await
    }

    /// A zone with its content; `None` if it does not exist.
    ///
    /// For zones above [`max_answer_bytes`](crate::Config::max_answer_bytes) use [`Client::for_each_rrset`].
    pub async fn zone(&self, zone: &CanonicalName) -> Result<Option<Zone>, Error> {
        optional(self.read(self.zone_url(zone, "")).await)
    }

    /// A zone's settings; `None` if it does not exist.
    pub async fn zone_properties(&self, zone: &CanonicalName) -> Result<Option<ZoneProperties>, Error> {
        optional(self.read(self.zone_url(zone, "?rrsets=false")).await)
    }

    /// Changes a zone's settings.
    pub async fn set_zone_properties(&self, zone: &CanonicalName, change: &ZoneChange) -> Result<(), Error> {
        rules::check_account(change.account.as_deref().unwrap_or_default())?;
        self.write(Method::PUT, self.zone_url(zone, ""), Some(change))
            .await
    }

    /// Puts NSEC order and empty non-terminals of a whole zone right. Takes seconds for tens of thousands of names.
    pub async fn rectify(&self, zone: &CanonicalName) -> Result<(), Error> {
        self.write(Method::PUT, self.zone_url(zone, "/rectify"), None::<&()>)
            .await
    }

    /// Deletes a zone with keys and metadata, and says whether it was there. TSIG keys stay.
    pub async fn delete_zone(&self, zone: &CanonicalName) -> Result<bool, Error> {
        self.delete(self.zone_url(zone, "")).await
    }

    /// Calls `f` with each zone as it arrives. Holds one at a time, whatever the number.
    ///
    /// Leaves out whether they are signed, which would cost PowerDNS a query per zone. After an error `f` has seen only
    /// some of them.
    pub async fn for_each_zone(&self, filter: &ZoneFilter, f: impl FnMut(ZoneSummary)) -> Result<(), Error> {
        let url = match filter {
            ZoneFilter::All => self.url("/zones?dnssec=false"),
            ZoneFilter::Name(name) => self.url(&format!("/zones?dnssec=false&zone={}", name.to_query())),
        };
        if self.stream(url, Place::TopLevel, f).await? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, Effect::NotApplied)) // no such server
    }
}

/// Whether a new zone is signed as it was asked for.
fn as_asked(zone: &NewZone, signed: bool) -> Result<(), Error> {
    if signed == zone.dnssec {
        return Ok(());
    }
    let why = if signed {
        "the new zone is signed"
    } else {
        "the new zone is not signed"
    };
    Err(Error::new(ErrorKind::UnexpectedAnswer, Effect::Applied).with_message(why))
}
