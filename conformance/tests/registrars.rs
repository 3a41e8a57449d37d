//! Every adapter against its simulator: one line for each check that applies.

use std::process::ExitCode;
use std::sync::Arc;

use conformance::run::{Verdict, trials};
use conformance::subject::Subject;
use conformance::target::Target;
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

/// Trials wait far more than they work.
const AT_A_TIME: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let targets = Target::parse("all@simulator", |_| None).expect("simulators need nothing");
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let tests = targets.iter().flat_map(|target| of(target, &runtime)).collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// The trials of a target. What a vendor cannot is the matter of the checks that apply then.
fn of(target: &Target, runtime: &Arc<Runtime>) -> Vec<Trial> {
    let subject = runtime
        .block_on(Subject::simulated(target.vendor, None))
        .expect("the simulator starts");
    let facts = subject.facts();
    let trials = trials(std::slice::from_ref(target), "").into_iter();
    trials
        .filter(|trial| (trial.check.applies)(&facts).is_ok())
        .map(|trial| {
            let name = format!("{target}  {}", trial.check.name);
            let runtime = Arc::clone(runtime);
            Trial::test(name, move || match runtime.block_on(trial.run()).verdict {
                Verdict::Kept => Ok(()),
                Verdict::Broken(seen) => Err(seen.into()),
                Verdict::Skipped(because) | Verdict::Inapplicable(because) => {
                    Err(format!("not run at a simulator: {because}").into())
                }
            })
        })
        .collect()
}
