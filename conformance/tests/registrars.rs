//! Every adapter against its simulator: one line for each check that applies.

use std::process::ExitCode;
use std::sync::Arc;

use conformance::run::{Verdict, trials};
use conformance::target::Target;
use libtest_mimic::{Arguments, Failed, Trial};

/// Trials wait far more than they work.
const AT_A_TIME: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let targets = Target::parse("all@simulator", |_| None).expect("simulators need nothing");
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let tests = trials(&targets, "")
        .into_iter()
        .map(|trial| {
            let name = format!("{}  {}", trial.target, trial.check.name);
            let runtime = Arc::clone(&runtime);
            Trial::test(name, move || match runtime.block_on(trial.run()).verdict {
                Verdict::Kept => Ok(()),
                // What a vendor cannot is the matter of the checks that apply then.
                Verdict::Inapplicable(_) => Ok(()),
                Verdict::Broken(seen) => Err(Failed::from(seen)),
                Verdict::Skipped(because) => Err(Failed::from(format!("skipped at a simulator: {because}"))),
            })
        })
        .collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}
