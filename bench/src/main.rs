//! What Countersign costs, as ratios to references measured in the same run.

fn main() {}
