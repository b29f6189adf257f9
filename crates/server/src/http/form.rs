//! `application/x-www-form-urlencoded`, read in the one way that it can be read.

use zeroize::Zeroizing;

use super::query::parameters;

/// The fields of a form (RFC 6749, appendix B). What parsers disagree about is no form: a name that stands twice (RFC 6749
/// §3.2), an encoding that breaks off, a field without `=`, a text that is not UTF-8.
pub(super) struct Form(Vec<(String, Secret)>);

/// A value. Nobody knows which of them is a token or a secret, so none is shown, and all are wiped.
type Secret = Zeroizing<String>;

impl Form {
    /// Reads a body.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body = core::str::from_utf8(body).ok()?;
        let mut fields: Vec<(String, Secret)> = Vec::new();
        for field in parameters(body) {
            let (name, value) = field?;
            let (name, value) = (decoded(name)?, decoded(value)?);
            if fields.iter().any(|(other, _)| *other == *name) {
                return None;
            }
            fields.push((name.to_string(), value));
        }
        Some(Self(fields))
    }

    /// The value of this name. One without a value counts as not sent (RFC 6749 §3.2).
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// A text without its percent-encoding, where `+` is a space.
pub(super) fn decoded(text: &str) -> Option<Secret> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        octets.push(match first {
            b'%' => {
                let (digits, others) = others.split_at_checked(2)?;
                rest = others;
                digit(*digits.first()?)? << 4 | digit(*digits.last()?)?
            }
            b'+' => b' ',
            other => *other,
        });
    }
    core::str::from_utf8(&octets).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let form = Form::read(b"token=a%2Bb+c%C3%a9&token_type_hint=access_token&empty=&a%3D=%26").unwrap();
        assert_eq!(form.value("token"), Some("a+b c\u{e9}"));
        assert_eq!(form.value("token_type_hint"), Some("access_token"));
        assert_eq!(form.value("a="), Some("&"));
        assert_eq!((form.value("empty"), form.value("absent")), (None, None));
        assert!(Form::read(b"").unwrap().value("").is_none());
    }

    #[test]
    fn what_parsers_disagree_about_is_no_form() {
        for body in [
            "token=a&token=b",
            "token=a&token=a",
            "token=a&tok%65n=b",
            "token=a&token=",
            "token",
            "token=a&",
            "&token=a",
            "token=a&&b=c",
            "token=%",
            "token=%4",
            "token=%4g",
            "token=%+4",
            "token=%ff",
            "token=a;hint=b&",
        ] {
            assert!(Form::read(body.as_bytes()).is_none(), "{body}");
        }
        assert!(Form::read(b"token=\xff").is_none());
    }
}
