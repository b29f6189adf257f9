//! Tables on the terminal.

use crate::micro::Outcome;
use crate::spread::Spread;

/// Prints what came out of a comparison.
pub(crate) fn comparison(title: &str, outcomes: &[Outcome]) {
    println!("\n{title}");
    println!("{:<38} {:>9} {:>18} {:>7} {:>16}", "", "ns", "quartiles", "ratio", "quartiles");
    for Outcome { name, nanoseconds, ratio } in outcomes {
        let Spread { lower, median, upper } = nanoseconds;
        print!("{name:<38} {median:>9.0} {:>18}", format!("{lower:.0} to {upper:.0}"));
        let Spread { lower, median, upper } = ratio;
        println!(" {median:>7.2} {:>16}", format!("{lower:.2} to {upper:.2}"));
    }
}
