//! Verifying by hand: a second implementation of protocol §5.2.

use countersign_core::encoding::{b64, unb64};
use countersign_core::secret::MacKey;
use countersign_core::signature::sha256_digest_field;

use super::signing::Sent;
use super::wire::Answer;

/// Fields that are not end to end, or that no signature can or need cover.
const UNCOVERED: [&str; 5] = ["connection", "content-length", "date", "signature", "signature-input"];

impl Sent {
    /// Whether `answer` was signed with this key, for this request, whole.
    #[track_caller]
    pub(crate) fn assert_answered(&self, s2c: &MacKey, answer: &Answer) {
        let verified = self.verify(s2c, answer);
        assert!(verified.is_ok(), "{}: {answer}", verified.unwrap_err());
    }

    pub(crate) fn verify(&self, s2c: &MacKey, answer: &Answer) -> Result<(), String> {
        let input = answer.field("signature-input").ok_or("no Signature-Input")?;
        let params = input.strip_prefix("cs=").ok_or("another label")?;
        let (list, rest) = params.strip_prefix('(').and_then(|open| open.split_once(')')).ok_or("no list")?;
        let tail =
            format!(";nonce=\"{}\";alg=\"hmac-sha256\";keyid=\"{}\";tag=\"countersign-res-1\"", self.nonce, self.keyid);
        if !rest.starts_with(";created=") || !rest.ends_with(&tail) {
            return Err(format!("parameters {rest}"));
        }
        let components: Vec<&str> = list.split(' ').collect();
        let mut base = String::new();
        for component in &components {
            base.push_str(&format!("{component}: {}\n", self.value_of(component, answer)?));
        }
        base.push_str(&format!("\"@signature-params\": {params}"));
        let mac = answer.field("signature").and_then(|value| unb64(value.strip_prefix("cs=:")?.strip_suffix(':')?));
        if !s2c.verifies(&[base.as_bytes()], &mac.ok_or("no Signature")?) {
            return Err(format!("the MAC does not hold over:\n{base}"));
        }
        self.is_complete(&components, answer)?;
        if answer.field("countersign-request") != Some(&format!(":{}:", b64(&self.signature))) {
            return Err("it answers another request".to_owned());
        }
        if answer.field("content-digest") != Some(&sha256_digest_field(&answer.body)) {
            return Err("the body is another".to_owned());
        }
        Ok(())
    }

    fn value_of(&self, component: &str, answer: &Answer) -> Result<String, String> {
        let (name, flag) = component.split_once(';').unwrap_or((component, ""));
        let name = name.trim_matches('"');
        let missing = || format!("{component} is not there");
        let lines = answer.lines(name);
        match flag {
            "req" => {
                self.components.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()).ok_or_else(missing)
            }
            "bs" => Ok(lines.iter().map(|line| format!(":{}:", b64(line))).collect::<Vec<_>>().join(", ")),
            "" if name == "@status" => Ok(answer.status.to_string()),
            "" if lines.is_empty() => Err(missing()),
            "" => Ok(lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(", ")),
            other => Err(format!("the parameter {other}")),
        }
    }

    /// Everything that arrived is covered, and the whole request.
    fn is_complete(&self, components: &[&str], answer: &Answer) -> Result<(), String> {
        let covered = |name: &str, flags: &[&str]| {
            flags.iter().any(|flag| components.contains(&format!("\"{name}\"{flag}").as_str()))
        };
        let own = answer.fields.iter().map(|(name, _)| name.as_str()).filter(|name| !UNCOVERED.contains(name));
        for name in own.chain(["@status", "content-digest", "countersign-time", "countersign-request"]) {
            if !covered(name, &["", ";bs"]) {
                return Err(format!("{name} is not covered"));
            }
        }
        match self.components.iter().find(|(name, _)| !covered(name, &[";req"])) {
            Some((name, _)) => Err(format!("{name} of the request is not covered")),
            None => Ok(()),
        }
    }
}
