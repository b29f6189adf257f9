//! Medians and quartiles.

/// What many rounds came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// A quarter of the rounds was at or below this.
    pub(crate) lower: f64,
    /// Half of them.
    pub(crate) median: f64,
    /// Three quarters.
    pub(crate) upper: f64,
}

impl Spread {
    /// The spread of these values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let place = sorted.len().saturating_sub(1) * quarters / 4;
            sorted.get(place).copied().unwrap_or_default()
        };
        Self { lower: at(1), median: at(2), upper: at(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_round_does_not_move_the_median() {
        let spread = Spread::of([4.0, 1.0, 3.0, 1_000.0, 2.0]);
        assert_eq!(spread, Spread { lower: 2.0, median: 3.0, upper: 4.0 });
        assert_eq!(Spread::of([]), Spread::default());
    }
}
