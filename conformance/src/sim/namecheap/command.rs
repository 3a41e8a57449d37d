//! One endpoint for all commands, with parameters in the query, a form, or both.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use reqwest::Url;

use super::Vendor;
use super::account::{Account, Denied};
use super::answer::{self, Refusal};

/// What a command comes to: the content of `CommandResponse`.
pub(super) type Outcome = Result<String, Refusal>;

/// Every command that is served, as the documents spell it.
const COMMANDS: [&str; 13] = [
    "namecheap.domains.getInfo",
    "namecheap.domains.getList",
    "namecheap.domains.getRegistrarLock",
    "namecheap.domains.dns.getList",
    "namecheap.domains.dns.getHosts",
    "namecheap.domains.dns.setHosts",
    "namecheap.domains.dns.setCustom",
    "namecheap.domains.dns.setDefault",
    "namecheap.domains.ns.create",
    "namecheap.domains.ns.update",
    "namecheap.domains.ns.delete",
    "namecheap.domains.ns.getInfo",
    "namecheap.users.getBalances",
];

/// How the documents spell a command, whatever its case.
pub(super) fn spelling(sent: &str) -> Option<&'static str> {
    COMMANDS
        .into_iter()
        .find(|command| command.eq_ignore_ascii_case(sent))
}

/// Parameters; the case of their names does not matter.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn read(query: &str, body: &[u8]) -> Self {
        let form = String::from_utf8_lossy(body);
        // Only the query matters: the base makes it a URL.
        let url = Url::parse(&format!("http://localhost/?{query}&{form}"));
        Self(
            url.map(|url| url.query_pairs().into_owned().collect())
                .unwrap_or_default(),
        )
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// A command as its handler sees it.
pub(super) struct Call<'a> {
    pub(super) vendor: &'a Vendor,
    pub(super) account: &'a Account,
    pub(super) command: &'static str,
    pub(super) parameters: &'a Parameters,
}

pub(super) async fn call(State(vendor): State<Vendor>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let parameters = Parameters::read(&query.unwrap_or_default(), &body);
    let sent = parameters.get("Command").unwrap_or_default().to_owned();
    let account = match vendor.caller(&parameters) {
        Ok(account) => account,
        // The vendor does not repeat the command of a call that it does not take.
        Err(Denied::Refused(refusals)) => return answer::refused(&refusals, ""),
        Err(Denied::TooMany) => return answer::too_many(),
        Err(Denied::Away) => return answer::away(),
    };
    tokio::time::sleep(vendor.settings().takes).await;
    let Some(command) = spelling(&sent) else {
        return answer::refused(&[Refusal::new(1_010_104, "Parameter Command is missing")], "");
    };
    let call = Call {
        vendor: &vendor,
        account: &account,
        command,
        parameters: &parameters,
    };
    match call.run() {
        Ok(result) => answer::success(command, &result),
        Err(refusal) => answer::refused(&[refusal], command),
    }
}

impl Call<'_> {
    fn run(&self) -> Outcome {
        match self.command {
            "namecheap.domains.getInfo" => self.info(),
            "namecheap.domains.getList" => self.list(),
            "namecheap.domains.getRegistrarLock" => self.registrar_lock(),
            "namecheap.domains.dns.getList" => self.nameservers(),
            "namecheap.domains.dns.getHosts" => self.hosts(),
            "namecheap.domains.dns.setHosts" => self.set_hosts(),
            "namecheap.domains.dns.setCustom" => self.set_custom(),
            "namecheap.domains.dns.setDefault" => self.set_default(),
            "namecheap.domains.ns.create" => self.create_host(),
            "namecheap.domains.ns.update" => self.update_host(),
            "namecheap.domains.ns.delete" => self.delete_host(),
            "namecheap.domains.ns.getInfo" => self.host_info(),
            _ => Ok(Self::balances()),
        }
    }

    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::new(2_010_302, format!("Parameter {name} is missing"));
        self.parameters.get(name).ok_or_else(missing)
    }

    /// A truth value of an attribute.
    pub(super) fn truth(&self, value: bool) -> &'static str {
        match (value, self.vendor.settings().capital_truth) {
            (true, false) => "true",
            (false, false) => "false",
            (true, true) => "True",
            (false, true) => "False",
        }
    }

    /// Whether this command is answered "OK" with the result "false".
    pub(super) fn unsuccessful(&self) -> bool {
        self.vendor.settings().unsuccessful.contains(self.command)
    }

    fn balances() -> String {
        let attributes = [
            ("Currency", "USD"),
            ("AvailableBalance", "0.00"),
            ("AccountBalance", "0.00"),
            ("EarnedAmount", "0.00"),
            ("WithdrawableAmount", "0.00"),
            ("FundsRequiredForAutoRenew", "0.00"),
        ];
        answer::element("UserGetBalancesResult", &attributes, "")
    }
}
