//! Crate `jsonwebtoken`: a token that says who somebody is, and covers nothing of the request.

use std::hint::black_box;

use anyhow::{Context as _, ensure};
use countersign_core::encoding::unb64;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::contender::Contender;
use super::traffic::Batch;
use crate::stopwatch::nanoseconds_each;

/// Verification of access tokens under one key.
pub(crate) struct Jwt {
    name: &'static str,
    signer: EncodingKey,
    verifier: DecodingKey,
    header: Header,
    validation: Validation,
    /// So many of a batch, because an elliptic curve takes its time.
    most: usize,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
}

/// The example of RFC 8410 §10.3, from its PEM.
const PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
const PUBLIC: &str = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

impl Jwt {
    /// Tokens with an HMAC.
    pub(crate) fn hs256() -> Self {
        let (signer, verifier) = (EncodingKey::from_secret(&[7; 32]), DecodingKey::from_secret(&[7; 32]));
        Self::new("crate jsonwebtoken, HS256", Algorithm::HS256, (signer, verifier))
    }

    /// Tokens with an Ed25519 signature.
    pub(crate) fn eddsa() -> anyhow::Result<Self> {
        let private = unb64(PRIVATE).context("the example of RFC 8410")?;
        let public = unb64(PUBLIC).context("the example of RFC 8410")?;
        let keys = (EncodingKey::from_ed_der(&private), DecodingKey::from_ed_der(&public));
        Ok(Self { most: 20, ..Self::new("crate jsonwebtoken, EdDSA", Algorithm::EdDSA, keys) })
    }

    fn new(name: &'static str, algorithm: Algorithm, (signer, verifier): (EncodingKey, DecodingKey)) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["https://api.example.com"]);
        validation.set_issuer(&["https://api.example.com"]);
        Self { name, signer, verifier, header: Header::new(algorithm), validation, most: usize::MAX }
    }

    fn issue(&self, subject: &str, now: u64) -> anyhow::Result<String> {
        let server = "https://api.example.com".to_owned();
        let claims = Claims {
            iss: server.clone(),
            sub: subject.to_owned(),
            aud: server,
            exp: now + 300,
            iat: now,
            jti: subject.to_owned(),
        };
        Ok(encode(&self.header, &claims, &self.signer)?)
    }
}

impl Contender for Jwt {
    fn name(&self) -> &'static str {
        self.name
    }

    fn round(&mut self, batch: &Batch) -> anyhow::Result<f64> {
        let now = batch.now.as_secs();
        let tokens = batch.calls.iter().take(self.most).map(|call| self.issue(call.key.as_str(), now));
        let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
        let mut admitted = 0;
        let time = nanoseconds_each(tokens.len(), || {
            for token in &tokens {
                let claims = decode::<Claims>(token, &self.verifier, &self.validation);
                admitted += usize::from(black_box(claims).is_ok());
            }
        });
        ensure!(admitted == tokens.len(), "jsonwebtoken refused a good token");
        Ok(time)
    }
}
