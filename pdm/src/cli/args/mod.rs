//! The command line of `pdm`, as clap reads it: the commands that run beside the store and those that ask a
//! running server.
//!
//! Secrets are never arguments, because every process of the machine may read those: an API key comes from the
//! environment or a file, a reservation token from the user's own file.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::ArgPredicate;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

mod registrars;

pub use registrars::ValidateArgs;

use super::client::values::{self, ClaimRef, Owner};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "pdm",
    version,
    about = "Gives every Sovereign a name of its own, with a validated chain of trust",
    after_help = "Exit status: 0 done, 1 failed, 2 usage, 3 not ended yet (it waits for somebody, or the time to wait \
                  ran out), 4 not reachable.",
    propagate_version = true
)]
pub struct Cli {
    /// What every client command reads.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the server is, who asks it, and how the answer is shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Client options")]
pub struct Global {
    /// Address of the server, for example https://pdm.example.net
    #[arg(
        long,
        global = true,
        env = "PDM_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub url: Option<String>,
    /// File with the API key; without it the key is read from the variable PDM_API_KEY
    #[arg(long, global = true, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// How answers are printed: a table for people, or the API's own object
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// The form of what a client command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Exactly what the API answered.
    Json,
    /// Aligned text.
    Table,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(ServerArgs),
    /// Bring the store to the tables of this version
    Migrate(ServerArgs),
    /// Check every setting against the world and say what to do
    Doctor(ServerArgs),
    /// Print the OpenAPI document of this version
    Openapi,
    /// Print the completion script of a shell
    Completions {
        /// The shell that will read it
        shell: clap_complete::Shell,
    },
    /// What a running server is asked for.
    #[command(flatten)]
    Client(ClientCommand),
}

/// What the commands beside the store read.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Settings file; every setting may also come from a variable PDM_SECTION__KEY
    #[arg(long, env = "PDM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The commands that ask a running server.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// API keys (operator)
    #[command(subcommand)]
    Key(KeyCommand),
    /// Tenants (operator)
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Pools: the domains that names are given out of
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Ask whether a name may be reserved; exit status 1 when it may not
    Check(NameArgs),
    /// Take a name for a while
    Reserve(ReserveArgs),
    /// Extend the hold on a reserved name
    Renew(RenewArgs),
    /// Make a reserved name real: zone, keys, delegation, addresses
    Commit(CommitArgs),
    /// Give an active name other addresses
    Retarget(RetargetArgs),
    /// Give a name back
    Release(ReleaseArgs),
    /// Claims: the rights to names
    #[command(subcommand)]
    Claim(ClaimCommand),
    /// Operations: the work on names
    #[command(subcommand)]
    Operation(OperationCommand),
    /// Look at the world now; exit status 0 when the name is ready or settled
    Verify(ClaimArgs),
    /// The record sets of a name
    #[command(subcommand)]
    Records(RecordsCommand),
    /// Registrars of customers' own domains: what they need and can do
    Registrars,
    /// Look at a domain, and at an account at its registrar, without writing anything; exit status 1 when something is wrong
    Validate(ValidateArgs),
    /// What lies on the servers and belongs to no claim (operator)
    Orphans(PageArgs),
    /// The audit log (operator)
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// `pdm key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it once
    Create(KeyCreateArgs),
    /// List keys, without their secret part
    List(PageArgs),
    /// End a key
    Revoke {
        /// Id of the key
        #[arg(value_parser = values::id_parser("key_"))]
        key: String,
    },
}

/// `pdm key create`
#[derive(Debug, Args)]
pub struct KeyCreateArgs {
    /// What the key is for, for those who list keys later
    #[arg(
        long,
        required = false,
        required_unless_present = "bootstrap",
        default_value_if("bootstrap", ArgPredicate::IsPresent, "first operator key")
    )]
    pub name: String,
    /// What the key may do
    #[arg(
        long,
        value_enum,
        required = false,
        required_unless_present = "bootstrap",
        default_value_if("bootstrap", ArgPredicate::IsPresent, "operator")
    )]
    pub scope: KeyScope,
    /// The tenant the key acts for
    #[arg(long, value_parser = values::id_parser("ten_"), required_if_eq("scope", "tenant"))]
    pub tenant: Option<String>,
    /// When the key ends, RFC 3339; without it the key lasts until it is revoked
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<Timestamp>,
    /// Make the first operator key directly in the store, without a server
    #[arg(long, conflicts_with = "tenant")]
    pub bootstrap: bool,
    /// The settings that name the store, for --bootstrap
    #[command(flatten)]
    pub server: ServerArgs,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyScope {
    /// The claims of one tenant.
    Tenant,
    /// Administration, and reading of every tenant.
    Operator,
}

impl KeyScope {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Operator => "operator",
        }
    }
}

/// `pdm tenant …`
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant
    Create {
        /// Its name
        name: String,
    },
    /// List tenants
    List(PageArgs),
}

/// `pdm pool …`
#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// Add a domain to give names out of (operator)
    Add(PoolAddArgs),
    /// List the pools this key may use
    List(PageArgs),
}

/// `pdm pool add`
#[derive(Debug, Args)]
pub struct PoolAddArgs {
    /// The domain
    pub domain: String,
    /// Make its zone too; without this the zone must be on the pool's servers already
    #[arg(long)]
    pub create: bool,
    /// A nameserver of the names below; repeat it. Without it: those of the settings
    #[arg(long = "nameserver", value_name = "HOST", value_delimiter = ',')]
    pub nameservers: Vec<String>,
    /// How long a reserved name is held
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub hold: Option<Duration>,
    /// The longest hold a tenant may ask for at a time
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub max_hold: Option<Duration>,
    /// The longest a name may be held in all
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub max_total_hold: Option<Duration>,
    /// Take no new names yet
    #[arg(long)]
    pub closed: bool,
}

/// A name below a pool: in full, or as its two parts.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The full name, for example acme.omani.works
    #[arg(required_unless_present = "pool", conflicts_with_all = ["pool", "label"])]
    pub name: Option<String>,
    /// The pool, when the name is given as --pool and --label
    #[arg(long, requires = "label")]
    pub pool: Option<String>,
    /// The label below the pool
    #[arg(long, requires = "pool")]
    pub label: Option<String>,
}

/// `pdm reserve`
#[derive(Debug, Args)]
pub struct ReserveArgs {
    /// The name to take.
    #[command(flatten)]
    pub name: NameArgs,
    /// How long to hold it, for example 1h; without it the pool's default
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub hold: Option<Duration>,
    /// Repeat an earlier reserve whose answer was lost: the key that pdm named then
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// One claim.
#[derive(Debug, Args)]
pub struct ClaimArgs {
    /// The claim, by id or by name
    pub claim: ClaimRef,
}

/// Where the reservation token of a claim comes from.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Read the reservation token from a file (`-`: standard input) and not from the remembered ones
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `pdm renew`
#[derive(Debug, Args)]
pub struct RenewArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// How long to hold it from now; without it the pool's default
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub hold: Option<Duration>,
    /// Its token.
    #[command(flatten)]
    pub token: TokenArgs,
}

/// Addresses of a name: 1 to 8 of a family, at least one in all.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct TargetArgs {
    /// An IPv4 address; repeat it
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub ipv4: Vec<Ipv4Addr>,
    /// An IPv6 address; repeat it
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub ipv6: Vec<Ipv6Addr>,
}

/// How long to stay until started work has ended. Without either: until it has ended or needs somebody.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Wait for the end of the work, but no longer than this
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "no_wait")]
    pub wait: Option<Duration>,
    /// Do not wait: return as soon as the work is accepted
    #[arg(long)]
    pub no_wait: bool,
}

/// `pdm commit`
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// Its addresses.
    #[command(flatten)]
    pub targets: TargetArgs,
    /// Its token.
    #[command(flatten)]
    pub token: TokenArgs,
    /// How long to stay.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `pdm retarget`
#[derive(Debug, Args)]
pub struct RetargetArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// Its new addresses; the old ones are replaced.
    #[command(flatten)]
    pub targets: TargetArgs,
    /// How long to stay.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `pdm release`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// How long to stay.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `pdm claim …`
#[derive(Debug, Subcommand)]
pub enum ClaimCommand {
    /// List claims
    List(ClaimListArgs),
    /// Show one claim
    Show(ClaimArgs),
    /// Show the work on a claim while it goes on
    Watch {
        /// The claim.
        #[command(flatten)]
        claim: ClaimArgs,
        /// Watch no longer than this
        #[arg(long, value_name = "DURATION", value_parser = values::duration)]
        wait: Option<Duration>,
    },
}

/// `pdm claim list`
#[derive(Debug, Args)]
pub struct ClaimListArgs {
    /// Only in this state: reserved, activating, active, releasing, released, expired
    #[arg(long)]
    pub state: Option<String>,
    /// Only of this pool
    #[arg(long)]
    pub pool: Option<String>,
    /// Only of this name
    #[arg(long)]
    pub name: Option<String>,
    /// Only of this tenant (operator)
    #[arg(long, value_parser = values::id_parser("ten_"))]
    pub tenant: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// `pdm operation …`
#[derive(Debug, Subcommand)]
pub enum OperationCommand {
    /// List operations
    List(OperationListArgs),
    /// Show one operation and its steps
    Show(OperationArgs),
    /// Stop an operation where that is safe, and undo what it did
    Cancel(OperationArgs),
    /// Make the next attempt now; for a blocked one, look again
    Retry(OperationArgs),
}

/// One operation.
#[derive(Debug, Args)]
pub struct OperationArgs {
    /// Id of the operation
    #[arg(value_parser = values::id_parser("op_"))]
    pub operation: String,
}

/// `pdm operation list`
#[derive(Debug, Args)]
pub struct OperationListArgs {
    /// Only in this state: running, waiting, needs_credential, blocked, succeeded, failed, cancelled
    #[arg(long)]
    pub state: Option<String>,
    /// Only of this pool
    #[arg(long)]
    pub pool: Option<String>,
    /// Only of this name
    #[arg(long)]
    pub name: Option<String>,
    /// Only of this claim
    #[arg(long, value_parser = values::id_parser("clm_"))]
    pub claim: Option<String>,
    /// Only of this tenant (operator)
    #[arg(long, value_parser = values::id_parser("ten_"))]
    pub tenant: Option<String>,
    /// Which part of the list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// One page of a list.
#[derive(Clone, Debug, Default, Args)]
pub struct PageArgs {
    /// At most so many entries (the server's default is 50)
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: Option<u16>,
    /// Go on after the entry of this id
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// `pdm records …`
#[derive(Debug, Subcommand)]
pub enum RecordsCommand {
    /// List the record sets of a name, those of its targets included
    List(ClaimArgs),
    /// Write one record set, replacing the one that is there
    Set(RecordSetArgs),
    /// Delete one record set
    Delete(RecordDeleteArgs),
}

/// Which record set.
#[derive(Debug, Args)]
pub struct RecordKeyArgs {
    /// Owner: `@` for the name itself, `www` or `www.acme.omani.works`; an ending dot marks a full name
    #[arg(allow_hyphen_values = true)]
    pub owner: Owner,
    /// Type: A, AAAA, CAA, CNAME, HTTPS, MX, NS, DS, SRV, SSHFP, SVCB, TLSA or TXT
    #[arg(value_name = "TYPE", value_parser = values::record_type)]
    pub rtype: String,
}

/// `pdm records set`
#[derive(Debug, Args)]
pub struct RecordSetArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// The record set.
    #[command(flatten)]
    pub key: RecordKeyArgs,
    /// Its values, each in presentation format as one argument
    #[arg(required = true, value_name = "VALUE")]
    pub values: Vec<String>,
    /// Seconds that resolvers may keep it, 60 to 86400
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(60..=86_400))]
    pub ttl: u32,
    /// How long to stay.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `pdm records delete`
#[derive(Debug, Args)]
pub struct RecordDeleteArgs {
    /// The claim.
    #[command(flatten)]
    pub claim: ClaimArgs,
    /// The record set.
    #[command(flatten)]
    pub key: RecordKeyArgs,
    /// How long to stay.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `pdm audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print the audit log from oldest to newest, one JSON object a line
    Export {
        /// Go on after the entry of this id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
}

/// Prints the completion script of `shell` on standard output.
pub fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pdm", &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    fn client(line: &str) -> ClientCommand {
        match parse(line).unwrap_or_else(|e| panic!("{line}: {e}")).command {
            Command::Client(command) => command,
            other => panic!("{line} is {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commit_takes_both_families_and_one_way_to_wait() {
        let ClientCommand::Commit(args) =
            client("pdm commit acme.omani.works --ipv4 203.0.113.10 --ipv6 2001:db8::10 --wait 60s")
        else {
            panic!("not a commit")
        };
        assert_eq!(args.claim.claim, ClaimRef::Name("acme.omani.works".into()));
        assert_eq!(args.targets.ipv4, [Ipv4Addr::new(203, 0, 113, 10)]);
        assert_eq!(args.targets.ipv6, ["2001:db8::10".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(args.wait.wait, Some(Duration::from_mins(1)));

        for refused in [
            "pdm commit acme.omani.works",
            "pdm commit acme.omani.works --ipv4 2001:db8::10",
            "pdm commit acme.omani.works --ipv4 203.0.113.10 --wait 60s --no-wait",
            "pdm commit acme.omani.works --ipv4 203.0.113.10 --wait soon",
        ] {
            assert_eq!(parse(refused).unwrap_err().exit_code(), 2, "{refused}");
        }
    }

    #[test]
    fn a_name_is_given_in_full_or_as_pool_and_label_but_not_both() {
        assert!(parse("pdm reserve acme.omani.works").is_ok());
        assert!(parse("pdm reserve --pool omani.works --label acme --hold 1h").is_ok());
        for refused in [
            "pdm reserve",
            "pdm reserve --pool omani.works",
            "pdm reserve --label acme",
            "pdm check acme.omani.works --pool omani.works --label acme",
        ] {
            assert_eq!(parse(refused).unwrap_err().exit_code(), 2, "{refused}");
        }
    }

    #[test]
    fn a_tenant_key_needs_its_tenant_and_a_bootstrap_key_needs_nothing() {
        assert!(parse("pdm key create --scope operator --name ci").is_ok());
        assert!(parse("pdm key create --scope tenant --name ci").is_err());
        assert!(parse("pdm key create --name ci").is_err());
        let tenant = "ten_0190a6c1f0e87d5c9d1f2b3a4c5d6e7f";
        assert!(
            parse(&format!(
                "pdm key create --scope tenant --tenant {tenant} --name ci"
            ))
            .is_ok()
        );

        let ClientCommand::Key(KeyCommand::Create(args)) =
            client("pdm key create --bootstrap --config pdm.toml")
        else {
            panic!("not a key create")
        };
        assert!(args.bootstrap);
        assert_eq!(args.scope, KeyScope::Operator);
        assert_eq!(args.name, "first operator key");
        assert_eq!(args.server.config, Some(PathBuf::from("pdm.toml")));
    }

    #[test]
    fn the_client_options_stand_before_or_after_the_command() {
        for line in [
            "pdm --url http://127.0.0.1:1 --output json claim list",
            "pdm claim list --url http://127.0.0.1:1 -o json",
        ] {
            let cli = parse(line).unwrap();
            assert_eq!(cli.global.url.as_deref(), Some("http://127.0.0.1:1"));
            assert_eq!(cli.global.output, Output::Json);
        }
    }

    #[test]
    fn no_argument_takes_a_key_or_a_token_itself() {
        fn walk(command: &clap::Command) {
            for arg in command.get_arguments() {
                let id = arg.get_id().as_str();
                assert!(
                    !["api_key", "token", "reservation_token", "secret"].contains(&id),
                    "{} has --{id}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }
}
