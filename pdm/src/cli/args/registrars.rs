//! Arguments of commands about customers' own domains and their registrars.

use clap::Args;

/// `pdm validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// The domain
    #[arg(long)]
    pub domain: String,
    /// Its registrar, by id: `pdm registrars` lists them
    #[arg(long)]
    pub registrar: Option<String>,
    /// File with the credentials, one JSON object of the registrar's fields; `-` reads standard input. Without it they are asked for
    #[arg(long, value_name = "FILE|-", requires = "registrar")]
    pub credentials: Option<String>,
}
