//! Two bases, line by line.

/// A line in which two bases differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The component's identifier with its quotes, or `order` when only the order of the lines differs, or `line ends`.
    pub component: String,
    /// The value as the verifier has it; `None` when the verifier has no such line.
    pub ours: Option<String>,
    /// The value as the signer has it; `None` when the signer has no such line.
    pub theirs: Option<String>,
}

/// The lines in which `theirs` differs from `ours`, by the component that begins them.
pub(super) fn lines(ours: &str, theirs: &str) -> Vec<Difference> {
    let (own, other) = (split(ours), split(theirs));
    let value = |lines: &[(&str, &str)], component: &str| {
        lines.iter().find_map(|(name, value)| (*name == component).then(|| (*value).to_owned()))
    };
    let of_ours = own.iter().map(|(component, _)| *component);
    let only_theirs = other.iter().map(|(component, _)| *component).filter(|name| value(&own, name).is_none());
    let differences: Vec<_> = of_ours
        .chain(only_theirs)
        .map(|component| Difference {
            component: component.to_owned(),
            ours: value(&own, component),
            theirs: value(&other, component),
        })
        .filter(|line| line.ours != line.theirs)
        .collect();
    if differences.is_empty() && ours != theirs { vec![as_a_whole(&own, &other)] } else { differences }
}

/// The difference of two texts whose lines are the same.
fn as_a_whole(own: &[(&str, &str)], other: &[(&str, &str)]) -> Difference {
    let names = |lines: &[(&str, &str)]| lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    if names(own) == names(other) {
        let kind = |text: &str| Some(text.to_owned());
        return Difference {
            component: "line ends".into(),
            ours: kind("a line feed between two lines, none at the end"),
            theirs: kind("something else"),
        };
    }
    Difference { component: "order".into(), ours: Some(names(own)), theirs: Some(names(other)) }
}

/// Identifier and value of each line. White space at the end of a value counts, that of the line end does not.
fn split(base: &str) -> Vec<(&str, &str)> {
    base.lines().filter(|line| !line.is_empty()).map(|line| line.split_once(": ").unwrap_or((line, ""))).collect()
}
