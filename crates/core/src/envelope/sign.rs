//! Signing envelopes (protocol §8).

use super::action::{Action, is_plain};
use super::answer::{AnswerEnvelope, VerifiedPacket};
use super::covered::{Asked, RequestFields, before_packet};
use super::{LONGEST_NAME, Unsignable};
use crate::encoding::b64u;
use crate::json::{LARGEST, put_string};
use crate::secret::MacKey;
use crate::signature::Interference;
use crate::time::Timestamp;

/// An envelope to be made.
#[derive(Clone, Copy, Debug)]
pub struct EnvelopeParams<'a> {
    /// The authority of the server that it is for.
    pub audience: &'a str,
    /// The name of the key.
    pub keyid: &'a str,
    /// 32 random octets, never used before with this key, in requests neither.
    pub nonce: [u8; 32],
    /// Now, by the clock of the server that will read it.
    pub timestamp: Timestamp,
    /// What it asks for.
    pub action: &'a Action,
    /// Whose key it is.
    pub username: &'a str,
    /// What it carries.
    pub packet: &'a [u8],
}

/// An envelope that was signed, as its sender remembers it until the answer comes.
#[derive(Clone, Debug)]
pub struct SignedEnvelope {
    keyid: Box<str>,
    nonce: [u8; 32],
    mac: [u8; 32],
    json: String,
}

/// Writes and signs an envelope with the `c2s` of [`envelope_pair`](crate::secret::Root::envelope_pair).
///
/// # Errors
/// A name in it is one that no server reads.
pub fn sign_envelope(c2s: &MacKey, params: &EnvelopeParams<'_>) -> Result<SignedEnvelope, Unsignable> {
    let EnvelopeParams { audience, keyid, nonce, timestamp, action, username, packet } = *params;
    if !is_plain(audience) || !is_plain(keyid) {
        return Err(Unsignable("kid and aud are visible ASCII"));
    }
    if [audience, keyid, username].iter().any(|name| !(1..=LONGEST_NAME).contains(&name.len())) {
        return Err(Unsignable("a name has 1 to 256 octets"));
    }
    if timestamp.as_millis() > LARGEST {
        return Err(Unsignable("the time is beyond what JSON can say"));
    }
    let action = action.as_str();
    let fields = RequestFields { aud: audience, nonce: &nonce, timestamp, action, username, packet };
    let mac = c2s.mac(&[&before_packet(&fields), packet]);
    let mut name = String::new();
    put_string(&mut name, username);
    let (millis, nonce_text, packet, mac_text) = (timestamp.as_millis(), b64u(&nonce), b64u(packet), b64u(&mac));
    let json = format!(
        r#"{{"v":1,"aud":"{audience}","kid":"{keyid}","nonce":"{nonce_text}","timestamp":{millis},"action":"{action}","username":{name},"packet":"{packet}","mac":"{mac_text}"}}"#
    );
    Ok(SignedEnvelope { keyid: keyid.into(), nonce, mac, json })
}

impl SignedEnvelope {
    /// The message to send.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Takes the message out, to be sent; what is needed to verify the answer stays.
    pub fn take_json(&mut self) -> String {
        core::mem::take(&mut self.json)
    }

    /// The nonce.
    pub fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// Checks that an answer is the server's own answer to this very envelope. Whether it came in time is
    /// [`VerifiedPacket::is_timely`].
    ///
    /// # Errors
    /// Why the answer must not be believed.
    pub fn verify_answer(&self, s2c: &MacKey, answer: AnswerEnvelope) -> Result<VerifiedPacket, Interference> {
        if *answer.keyid() != *self.keyid || answer.nonce() != self.nonce {
            return Err(Interference::WrongRequest);
        }
        answer.verified(s2c, Asked { nonce: &self.nonce, mac: &self.mac })
    }
}
