//! Tables on the terminal.

use std::time::Duration;

use crate::micro;
use crate::replay::Inserts;
use crate::server::{Outcome, Subject};
use crate::spread::Spread;

/// Prints what came out of a comparison.
pub(crate) fn comparison(title: &str, outcomes: &[micro::Outcome]) {
    println!("\n{title}");
    println!("{:<38} {:>9} {:>18} {:>7} {:>16}", "", "ns", "quartiles", "ratio", "quartiles");
    for micro::Outcome { name, nanoseconds, ratio } in outcomes {
        let Spread { lower, median, upper } = nanoseconds;
        print!("{name:<38} {median:>9.0} {:>18}", format!("{lower:.0} to {upper:.0}"));
        println!(" {:>7.2} {:>16}", ratio.median, quartiles(*ratio));
    }
}

/// Prints what came out for servers; the first of them is the measure.
pub(crate) fn servers(title: &str, subjects: &[Subject<'_>]) {
    let Some(measure) = subjects.first() else { return };
    println!("\n{title}");
    println!(
        "{:<34} {:>9} {:>7} {:>14} {:>11} {:>7} {:>14} {:>13}",
        "", "requests", "ratio", "quartiles", "server, µs", "ratio", "quartiles", "generator, µs"
    );
    for subject in subjects {
        let Outcome { title, rate, server, generator, rate_ratio, server_ratio } = subject.outcome(measure);
        println!(
            "{title:<34} {:>9.0} {:>7.2} {:>14} {:>11.1} {:>7.2} {:>14} {:>13.1}",
            rate.median,
            rate_ratio.median,
            quartiles(rate_ratio),
            server.median,
            server_ratio.median,
            quartiles(server_ratio),
            generator.median,
        );
    }
}

/// Prints what came out for the replay guard: nonces under way, inserts, and reads of cold memory.
pub(crate) fn replay(lines: &[(&str, Inserts, Spread)]) {
    println!(
        "{:<22} {:>10} {:>14} {:>10} {:>14} {:>14} {:>7}",
        "under way", "insert, ns", "quartiles", "with sweep", "octets each", "cold read, ns", "ratio"
    );
    for (title, Inserts { each, mean, octets_each, .. }, read) in lines {
        let range = format!("{:.0} to {:.0}", each.lower, each.upper);
        let (insert, read) = (each.median, read.median);
        let ratio = insert / read;
        println!("{title:<22} {insert:>10.0} {range:>14} {mean:>10.0} {octets_each:>14.1} {read:>14.0} {ratio:>7.2}");
    }
}

/// Prints how long something took, of many times.
pub(crate) fn delays(lines: &[(&str, Vec<Duration>)]) {
    println!("{:<34} {:>7} {:>10} {:>10} {:>10}", "", "times", "p50, ms", "p99, ms", "most, ms");
    for (title, delays) in lines {
        let mut sorted: Vec<_> = delays.iter().map(|delay| delay.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |hundredths: usize| {
            let place = sorted.len().saturating_sub(1) * hundredths / 100;
            sorted.get(place).copied().unwrap_or_default()
        };
        println!("{title:<34} {:>7} {:>10.2} {:>10.2} {:>10.2}", sorted.len(), at(50), at(99), at(100));
    }
}

fn quartiles(spread: Spread) -> String {
    format!("{:.2} to {:.2}", spread.lower, spread.upper)
}
