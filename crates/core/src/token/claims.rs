//! What an access token says (RFC 7519 §4, RFC 9068 §2.2), and how it is written.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::verified::Parties;
use crate::account::Role;
use crate::encoding::{b64u, unb64u};
use crate::id::{SessionRef, UserId};
use crate::json::{Object, Value, put_string};
use crate::permission::{Permission, Permissions};
use crate::session::Proof;
use crate::time::Timestamp;
use crate::username::Username;

/// The `client_id` of every token (RFC 9068 §2.2). Sessions are opened at the guard itself, for no other OAuth client.
pub const CLIENT: &str = "countersign";

/// The number of a token: `jti`, 16 random octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 16]);

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose it is: `sub`.
    pub user: UserId,
    /// The name at the time: `username`.
    pub username: Username,
    /// What the user could be at the time: `role`.
    pub role: Role,
    /// What the user could do at the time: `permissions`.
    pub permissions: Permissions,
    /// The session that it is of: `sid`.
    pub session: SessionRef,
    /// What has to come with it. [`Proof::Key`]: it is worth nothing without a signature by the key of its session, which is
    /// what `cnf` names (RFC 7800 §3.4). [`Proof::Bearer`]: it is good by itself.
    pub proof: Proof,
    /// `jti`.
    pub id: TokenId,
    /// When somebody last showed who they are, in whole seconds: `auth_time`.
    pub auth_time: Timestamp,
    /// In whole seconds: `iat`.
    pub issued: Timestamp,
    /// The first moment at which it is good no more, in whole seconds: `exp`.
    pub expires: Timestamp,
    /// The user's generation at the time: `gen`.
    pub generation: u32,
    /// The guard's epoch at the time: `epoch`.
    pub epoch: u32,
    /// Where it was issued to: `ip`.
    pub address: Option<IpAddr>,
}

impl AccessClaims {
    /// The claims as they stand in the token.
    pub(super) fn write(&self, parties: &Parties<'_>) -> String {
        let Self { user, username, role, permissions, session, proof, id, .. } = self;
        let Self { auth_time, issued, expires, generation, epoch, address, .. } = self;
        let mut json = "{".to_owned();
        put_text(&mut json, "iss", parties.issuer);
        put_text(&mut json, "aud", parties.audience);
        put_text(&mut json, "client_id", CLIENT);
        put_text(&mut json, "sub", &user.to_string());
        put_text(&mut json, "sid", &session.to_string());
        put_text(&mut json, "jti", &b64u(&id.0));
        put_text(&mut json, "username", username.as_str());
        put_text(&mut json, "role", role.as_str());
        json.push_str(r#""permissions":["#);
        for (place, permission) in permissions.iter().enumerate() {
            json.push_str(if place == 0 { "" } else { "," });
            put_string(&mut json, permission.as_str());
        }
        json.push_str("],");
        if *proof == Proof::Key {
            json.push_str(&format!(r#""cnf":{{"kid":"{}"}},"#, session.keyid()));
        }
        if let Some(address) = address {
            put_text(&mut json, "ip", &address.to_string());
        }
        let (auth_time, issued, expires) = (auth_time.as_secs(), issued.as_secs(), expires.as_secs());
        json.push_str(&format!(
            r#""auth_time":{auth_time},"iat":{issued},"exp":{expires},"gen":{generation},"epoch":{epoch}}}"#
        ));
        json
    }

    /// The claims of this object. None: one is missing, or not what it should be. Claims that we do not know are passed
    /// over (RFC 7519 §4): a newer guard may write more of them.
    pub(super) fn read(claims: &Object<'_>) -> Option<Self> {
        let text = |name| claims.member(name).and_then(Value::text);
        let whole = |name| claims.member(name).and_then(Value::whole);
        let session: SessionRef = text("sid")?.parse().ok()?;
        Some(Self {
            user: canonical(text("sub")?)?,
            username: canonical(text("username")?)?,
            role: text("role")?.parse().ok()?,
            permissions: permissions(claims.member("permissions")?)?,
            proof: proof(claims.member("cnf"), session)?,
            session,
            id: TokenId(unb64u(text("jti")?)?.try_into().ok()?),
            auth_time: Timestamp::from_secs(whole("auth_time")?),
            issued: Timestamp::from_secs(whole("iat")?),
            expires: Timestamp::from_secs(whole("exp")?),
            generation: whole("gen")?.try_into().ok()?,
            epoch: whole("epoch")?.try_into().ok()?,
            address: match claims.member("ip") {
                Some(address) => Some(canonical(address.text()?)?),
                None => None,
            },
        })
    }
}

fn put_text(json: &mut String, name: &str, value: &str) {
    put_string(json, name);
    json.push(':');
    put_string(json, value);
    json.push(',');
}

/// The value of this text, if it is spelt as we would spell it.
fn canonical<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|value: &T| value.to_string() == text)
}

/// Permissions in their one order, each once.
fn permissions(value: &Value<'_>) -> Option<Permissions> {
    let listed: Vec<Permission> = value.items()?.iter().map(|item| item.text()?.parse().ok()).collect::<Option<_>>()?;
    Permissions::new(listed.iter().cloned()).ok().filter(|permissions| **permissions == *listed)
}

/// A confirmation that is there names the session's own key and nothing else: whatever it may mean otherwise, we could not
/// check it.
fn proof(value: Option<&Value<'_>>, session: SessionRef) -> Option<Proof> {
    let Some(value) = value else { return Some(Proof::Bearer) };
    let cnf = value.object().filter(|cnf| cnf.len() == 1)?;
    let names_it = cnf.member("kid").and_then(Value::text) == Some(session.keyid().as_str());
    names_it.then_some(Proof::Key)
}
