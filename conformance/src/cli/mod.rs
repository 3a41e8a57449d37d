//! The commands of the suite, beside the lab.

pub mod call;
pub mod matrix;
pub mod run;
pub mod serve;
