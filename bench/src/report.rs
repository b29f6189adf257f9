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

/// Prints what a table of so many sessions takes: octets for each, and nanoseconds for a look-up; `ratio` is that of the last
/// line to the first.
pub(crate) fn sessions(lines: &[(usize, f64, Spread)], ratio: Spread) {
    println!("{:<12} {:>12} {:>12} {:>14}", "sessions", "octets each", "look-up, ns", "quartiles");
    for (count, octets, Spread { lower, median, upper }) in lines {
        println!("{count:<12} {octets:>12.0} {median:>12.0} {:>14}", format!("{lower:.0} to {upper:.0}"));
    }
    println!("ratio of the look-ups {:.2} ({})", ratio.median, quartiles(ratio));
}

/// Prints what one verification takes, in microseconds, and as a ratio to the last line.
pub(crate) fn peers(lines: &[(&str, Spread, Spread)]) {
    println!("{:<36} {:>10} {:>16} {:>8} {:>16}", "", "µs", "quartiles", "ratio", "quartiles");
    for (title, microseconds, ratio) in lines {
        let Spread { lower, median, upper } = microseconds;
        let range = format!("{lower:.1} to {upper:.1}");
        println!("{title:<36} {median:>10.1} {range:>16} {:>8.2} {:>16}", ratio.median, quartiles(*ratio));
    }
}

fn quartiles(spread: Spread) -> String {
    format!("{:.2} to {:.2}", spread.lower, spread.upper)
}
