//! What Countersign costs, as ratios to references measured in the same run.

mod micro;
mod report;
mod spread;
mod stopwatch;

fn main() -> anyhow::Result<()> {
    micro::run()
}
