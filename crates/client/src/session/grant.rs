//! What a login or a refresh gives, as it is sent.

use core::time::Duration;

use countersign_core::authority::Authority;
use countersign_core::encoding::unb64u;
use countersign_core::enrolment::Answers;
use countersign_core::id::{KeyId, SessionRef};
use countersign_core::secret::{Root, Secret32};
use countersign_core::time::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Means, Session, SessionRow, Tokens};

/// The answer (RFC 6749 §5.1), with the session beside it.
#[derive(Deserialize)]
struct Grant {
    access_token: Zeroizing<String>,
    token_type: String,
    expires_in: u64,
    refresh_token: Zeroizing<String>,
    session: SessionRow,
    session_key: Option<Zeroizing<String>>,
}

/// Who opened the session, as its client knows.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) authority: &'a Authority,
    pub(super) answers: Answers,
    /// The key that logged in.
    pub(super) key: Option<(&'a KeyId, &'a Root)>,
}

impl Session {
    /// The session in an answer that came at `now`, by this machine's clock. None: it is no answer to a login that this
    /// version understands.
    pub(super) fn granted(body: &[u8], opening: &Opening<'_>, now: Timestamp) -> Option<Self> {
        let grant = Grant::read(body)?;
        let reference: SessionRef = grant.session.reference.parse().ok()?;
        let means = match (grant.session.proof.as_str(), opening.key, &grant.session_key) {
            ("key", Some((_, root)), None) => Means::Key(root.session_root(reference)),
            ("key", None, Some(secret)) => {
                let octets = Zeroizing::new(unb64u(secret)?);
                Means::Key(Root::new(Secret32::new(octets.as_slice().try_into().ok()?)))
            }
            ("bearer", None, None) => Means::Bearer,
            _ => return None,
        };
        Some(Self {
            authority: opening.authority.clone(),
            answers: opening.answers,
            reference,
            username: grant.session.username.clone(),
            device: grant.session.device.clone(),
            opened_by: opening.key.map(|(key, _)| key.clone()),
            means,
            auth_time: Timestamp::from_millis(grant.session.auth_time_ms),
            expires: Timestamp::from_millis(grant.session.expires_ms),
            tokens: grant.into_tokens(now),
        })
    }

    /// The session that takes the place of this one, which a password opened, in an answer to a change of the password.
    pub(super) fn succeeded(&self, body: &[u8], now: Timestamp) -> Option<Self> {
        let opening = Opening { authority: &self.authority, answers: self.answers, key: None };
        Self::granted(body, &opening, now).filter(|next| next.root().is_some() == self.root().is_some())
    }

    /// The same session with the tokens in an answer to a refresh. None: it is no such answer, or of another session.
    pub(super) fn refreshed(&self, body: &[u8], now: Timestamp) -> Option<Self> {
        let grant = Grant::read(body).filter(|grant| grant.session.reference == self.reference.to_string())?;
        let expires = Timestamp::from_millis(grant.session.expires_ms);
        Some(Self { expires, tokens: grant.into_tokens(now), ..self.clone() })
    }
}

impl Grant {
    fn read(body: &[u8]) -> Option<Self> {
        let grant: Self = serde_json::from_slice(body).ok()?;
        Some(grant).filter(|grant| grant.token_type.eq_ignore_ascii_case("bearer"))
    }

    fn into_tokens(self, now: Timestamp) -> Tokens {
        let good_until = now.saturating_add(Duration::from_secs(self.expires_in));
        Tokens { access: self.access_token, good_until, refresh: self.refresh_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

    fn answer(proof: &str, more: &str) -> String {
        format!(
            r#"{{"access_token":"a","token_type":"Bearer","expires_in":900,"refresh_token":"csr_x","session":{{"ref":"AQEBAQEBAQEBAQEBAQEBAQ","user_id":"u","username":"alice","device":"","ip_address":"127.0.0.1","user_agent":null,"proof":"{proof}","opened_by":"password","created_ms":1,"last_used_ms":1,"auth_time_ms":5,"expires_ms":9,"state":"open","ended_ms":null,"why":null,"current":true}}{more}}}"#
        )
    }

    fn granted(text: &str, key: Option<(&KeyId, &Root)>) -> Option<Session> {
        let authority = "api.example.com".parse().unwrap();
        Session::granted(text.as_bytes(), &Opening { authority: &authority, answers: Answers::AllSigned, key }, NOW)
    }

    #[test]
    fn a_session_that_a_key_opened_derives_its_keys_and_takes_none_from_the_answer() {
        let (key, root) = ("k7f3a9c2d4e5b6a1c".parse().unwrap(), Root::new(Secret32::new([7; 32])));
        let session = granted(&answer("key", ""), Some((&key, &root))).unwrap();
        let derived = root.session_root(SessionRef([1; 16]));
        assert_eq!(session.root().unwrap().secret().expose(), derived.secret().expose());
        assert_eq!(session.credentials().unwrap().keyid.as_str(), "s.AQEBAQEBAQEBAQEBAQEBAQ");
        let offered = format!(r#","session_key":"{}""#, "A".repeat(43));
        assert!(granted(&answer("key", &offered), Some((&key, &root))).is_none());
        assert!(granted(&answer("bearer", ""), Some((&key, &root))).is_none(), "a key session is never one without");
    }

    #[test]
    fn a_session_that_a_password_opened_has_the_key_that_the_answer_brings_or_none() {
        let offered = format!(r#","session_key":"{}""#, "A".repeat(43));
        let session = granted(&answer("key", &offered), None).unwrap();
        assert_eq!(session.root().unwrap().secret().expose(), &[0; 32]);
        let session = granted(&answer("bearer", ""), None).unwrap();
        assert!(session.root().is_none() && session.credentials().is_none());
        assert_eq!(session.tokens.good_until, Timestamp::from_secs(1_763_780_900));
        for (proof, more) in [("key", ""), ("key", r#","session_key":"AAAA""#), ("bearer", &offered), ("none", "")] {
            assert!(granted(&answer(proof, more), None).is_none(), "{proof} {more}");
        }
    }

    #[test]
    fn a_refresh_never_makes_another_session_of_one() {
        let session = granted(&answer("bearer", ""), None).unwrap();
        let other = answer("bearer", "").replace("AQEBAQEBAQEBAQEBAQEBAQ", "AgICAgICAgICAgICAgICAg");
        assert!(session.refreshed(other.as_bytes(), NOW).is_none());
        let next = answer("bearer", "").replace("csr_x", "csr_y");
        assert_eq!(session.refreshed(next.as_bytes(), NOW).unwrap().tokens.refresh.as_str(), "csr_y");
        assert!(!format!("{session:?}").contains("csr_x"));
    }
}
