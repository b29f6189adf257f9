//! Mistakes with the base as a text, and with its last line.

use super::Mistake;
use crate::signature::base::SignatureBase;

/// More parameters than this are not put into every order.
const MOST_PARAMETERS: usize = 7;

/// How the signer wrote the base, if it is one of the ways that we know.
pub(super) fn mistake(base: &SignatureBase, holds: &dyn Fn(&str) -> bool) -> Option<Mistake> {
    as_a_whole(base, holds).or_else(|| closing_line(base, holds))
}

fn as_a_whole(base: &SignatureBase, holds: &dyn Fn(&str) -> bool) -> Option<Mistake> {
    let text = base.as_str();
    let lines = text.strip_suffix(&closing(base.params())).unwrap_or(text);
    let ways = [
        ("ended the base with a line feed", format!("{text}\n")),
        ("separated the lines by CR LF", text.replace('\n', "\r\n")),
        ("ended each line with CR LF", text.replace('\n', "\r\n") + "\r\n"),
        ("separated names and values by a colon without a space", text.replace("\": ", "\":")),
        ("left out the line @signature-params", lines.trim_end_matches('\n').to_owned()),
        ("left out the line @signature-params, but not the line feed before it", lines.to_owned()),
        ("wrote the names without quotes", unquoted(text)),
        ("wrote the names without quotes, but for @signature-params", unquoted(lines) + &closing(base.params())),
    ];
    let found = ways.into_iter().find(|(_, text)| holds(text))?;
    Some(Mistake { component: "base".into(), deed: found.0, value: None })
}

fn closing(params: &str) -> String {
    format!("\"@signature-params\": {params}")
}

/// The text with the identifiers, not the values, taken out of their quotes.
fn unquoted(text: &str) -> String {
    let line = |line: &str| {
        line.split_once("\": ")
            .map_or_else(|| line.to_owned(), |(name, value)| format!("{}: {value}", name.trim_start_matches('"')))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn closing_line(base: &SignatureBase, holds: &dyn Fn(&str) -> bool) -> Option<Mistake> {
    let params = base.params();
    let (list, given) = params.split_once(')')?;
    let given: Vec<&str> = given.split(';').skip(1).collect();
    let joined =
        |between: &str, params: &[&str]| params.iter().map(|param| format!("{between}{param}")).collect::<String>();
    let without = |name: &str| {
        let kept: Vec<&str> = given.iter().copied().filter(|param| !param.starts_with(name)).collect();
        format!("{list}){}", joined(";", &kept))
    };
    let mut ways = vec![
        ("put a space after each semicolon", format!("{list}){}", joined("; ", &given))),
        ("put the label before the list", format!("cs={params}")),
        ("separated the components by commas", format!("{}){}", list.replace("\" \"", "\", \""), joined(";", &given))),
        ("wrote the parameters without quotes", format!("{list}){}", joined(";", &given).replace('"', ""))),
        ("put created into quotes", quoted(params, "created=")),
        ("put expires into quotes", quoted(params, "expires=")),
        ("signed the parameters without the list", joined(";", &given)),
        ("signed the list without the parameters", format!("{list})")),
    ];
    ways.extend(
        ["alg", "expires", "tag", "keyid", "nonce", "created"].map(|name| ("left out a parameter", without(name))),
    );
    if given.len() <= MOST_PARAMETERS {
        let orders = orders(&given).into_iter().map(|order| format!("{list}){}", joined(";", &order)));
        ways.extend(orders.map(|params| ("put the parameters into another order", params)));
    }
    let lines = base.as_str().strip_suffix(&closing(params))?;
    let (deed, value) = ways.into_iter().find(|(_, params)| holds(&format!("{lines}{}", closing(params))))?;
    Some(Mistake { component: "@signature-params".into(), deed, value: Some(value) })
}

fn quoted(params: &str, name: &str) -> String {
    let Some((before, after)) = params.split_once(name) else { return params.to_owned() };
    let (value, rest) = after.split_at_checked(after.find(';').unwrap_or(after.len())).unwrap_or((after, ""));
    format!("{before}{name}\"{value}\"{rest}")
}

/// Every order of `items`.
fn orders<'a>(items: &[&'a str]) -> Vec<Vec<&'a str>> {
    let Some((first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, first);
            all.push(longer);
        }
    }
    all
}
