//! What is measured, one table or two for each part.

mod burst;
mod calls;
mod flat;
mod footprint;
mod live;
mod reserve;

use anyhow::Result;
use clap::ValueEnum;

use crate::options::Options;
use crate::report::Section;

/// A part, as it is named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Names made live per second by each contender
    Live,
    /// 200 commits at once
    Burst,
    /// Reserves: latency at a fixed rate, and throughput
    Reserve,
    /// Names made live in a small and in a large pool
    Flat,
    /// Memory and start with 100 000 claims
    Footprint,
    /// Calls and questions for one name
    Calls,
}

impl Part {
    /// Its title in the report.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Live => "Names made live per second",
            Self::Burst => "200 commits at once",
            Self::Reserve => "Reserve",
            Self::Flat => "Large pools",
            Self::Footprint => "Memory and start",
            Self::Calls => "What one name costs",
        }
    }

    /// Measures it.
    pub async fn run(self, options: &Options) -> Result<Section> {
        let mut section = Section::new(self.title());
        match self {
            Self::Live => live::run(options, &mut section).await,
            Self::Burst => burst::run(options, &mut section).await,
            Self::Reserve => reserve::run(options, &mut section).await,
            Self::Flat => flat::run(options, &mut section).await,
            Self::Footprint => footprint::run(options, &mut section).await,
            Self::Calls => calls::run(options, &mut section).await,
        }?;
        Ok(section)
    }
}
