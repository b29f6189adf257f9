//! The slips that signers make, tried one after the other: a MAC that fits says which one it was.

use countersign_core::encoding::unb64;
use countersign_core::signature::{Field, SignatureBase};

use super::Keys;

/// What the signer has probably done, if it is one of the usual slips.
pub(super) fn guess(keys: &Keys, fields: &[Field<'_>], base: &SignatureBase) -> Option<String> {
    let mac = mac(fields)?;
    let text = base.as_str();
    let fits = |text: &str| keys.c2s.verifies(&[text.as_bytes()], &mac);
    if let Some((name, _)) = keys.others.iter().find(|(_, key)| key.verifies(&[text.as_bytes()], &mac)) {
        return Some(format!("{name} were the key; requests are signed with c2s"));
    }
    let whole = [
        ("a line feed followed the last line; the last line has none", format!("{text}\n")),
        ("the lines ended in CR LF; they end in LF alone", text.replace('\n', "\r\n")),
    ];
    if let Some((slip, _)) = whole.iter().find(|(_, text)| fits(text)) {
        return Some((*slip).to_owned());
    }
    base.lines().find_map(|(name, value)| {
        let line = format!("{name}: {value}\n");
        let slip = values(name, value)
            .into_iter()
            .find(|slip| fits(&text.replacen(&line, &format!("{name}: {slip}\n"), 1)))?;
        Some(format!("{name} were {slip:?}; here it is {value:?}"))
    })
}

/// What a signer may have taken for the value of a component.
fn values(name: &str, value: &str) -> Vec<String> {
    let mut values = vec![String::new(), value.to_ascii_lowercase(), value.to_ascii_uppercase()];
    match name {
        "\"@authority\"" => {
            values.extend([":80", ":443"].map(|port| format!("{value}{port}")));
            values.extend(value.rsplit_once(':').map(|(host, _)| host.to_owned()));
        }
        "\"@query\"" => values.extend(value.strip_prefix('?').map(str::to_owned)),
        "\"@path\"" => {
            values.push(format!("{value}/"));
            values.extend(value.strip_suffix('/').map(str::to_owned));
            values.extend(value.strip_prefix('/').map(str::to_owned));
        }
        _ => values.extend(value.split_once(';').map(|(front, _)| front.trim_end().to_owned())),
    }
    values.retain(|other| other != value);
    values
}

/// The octets of the one signature.
fn mac(fields: &[Field<'_>]) -> Option<Vec<u8>> {
    let field = fields.iter().find(|field| field.name == "signature")?;
    let (_, sequence) = str::from_utf8(field.value).ok()?.split_once("=:")?;
    unb64(sequence.split(':').next()?)
}
