//! Bodies that no type of the code describes, since they are octets, one of two, or read and written piece by piece.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Ref, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::routes::login::{WithKey, WithPassword};
use crate::service::introspect::Introspection;

/// A message of a handshake, as octets.
pub(super) enum Message {}

impl PartialSchema for Message {
    fn schema() -> RefOr<Schema> {
        let octets = ObjectBuilder::new().schema_type(Type::String).content_media_type("application/octet-stream");
        octets.description(Some("A message of a handshake (docs/protocol.md, §3.2), at most 4096 octets.")).into()
    }
}

impl ToSchema for Message {
    fn name() -> Cow<'static, str> {
        "Message".into()
    }
}

/// What the seed's own registration is answered with.
pub(super) enum Registered {}

impl PartialSchema for Registered {
    fn schema() -> RefOr<Schema> {
        let keyid = ObjectBuilder::new().schema_type(Type::String).description(Some("The public name of the new key."));
        ObjectBuilder::new().schema_type(Type::Object).property("keyid", keyid).required("keyid").into()
    }
}

impl ToSchema for Registered {
    fn name() -> Cow<'static, str> {
        "Registered".into()
    }
}

/// A login by either way.
pub(super) enum Login {}

impl PartialSchema for Login {
    fn schema() -> RefOr<Schema> {
        let ways = [WithPassword::name(), WithKey::name()].map(Ref::from_schema_name);
        let either = ways.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item);
        either.description(Some("By password in an unsigned request, else by the key that has signed it.")).into()
    }
}

impl ToSchema for Login {
    fn name() -> Cow<'static, str> {
        "Login".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((WithPassword::name().into(), WithPassword::schema()));
        schemas.push((WithKey::name().into(), WithKey::schema()));
        WithPassword::schemas(schemas);
    }
}

/// What is said of a token, be it good or not.
pub(super) enum Introspected {}

impl PartialSchema for Introspected {
    fn schema() -> RefOr<Schema> {
        let never = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false]));
        let not = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "It was taken back, has expired, is somebody else's, or is none at all; which of them is not said.",
            ))
            .property("active", never)
            .required("active")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        OneOfBuilder::new().item(Ref::from_schema_name(Introspection::name())).item(not).into()
    }
}

impl ToSchema for Introspected {
    fn name() -> Cow<'static, str> {
        "Introspected".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Introspection::name().into(), Introspection::schema()));
        Introspection::schemas(schemas);
    }
}

/// The form of a question about a token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a form is read field by field, since no type of serde refuses a field that stands twice")]
pub(super) struct TokenForm {
    /// The token.
    token: String,
    /// `refresh_token` for a refresh token, which is active for nobody who does not say so; `access_token` is not needed.
    token_type_hint: Option<String>,
    /// The `id` of a verifier, where its secret is not in `Authorization`.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
}

/// A set of public keys.
pub(super) enum Jwks {}

impl PartialSchema for Jwks {
    fn schema() -> RefOr<Schema> {
        let members = [
            ("alg", "`EdDSA`."),
            ("crv", "`Ed25519`."),
            ("kid", "The thumbprint of the key (RFC 7638), which its tokens name."),
            ("kty", "`OKP`."),
            ("use", "`sig`."),
            ("x", "The public key."),
        ];
        let key = members.into_iter().fold(ObjectBuilder::new().schema_type(Type::Object), |key, (name, means)| {
            let value = ObjectBuilder::new().schema_type(Type::String).description(Some(means));
            key.property(name, value).required(name)
        });
        let keys =
            ArrayBuilder::new().items(key).description(Some("The one that signs, the next one, and former ones."));
        let set = ObjectBuilder::new().schema_type(Type::Object).property("keys", keys).required("keys");
        set.description(Some("A JWK set (RFC 7517 §5, RFC 8037).")).into()
    }
}

impl ToSchema for Jwks {
    fn name() -> Cow<'static, str> {
        "Jwks".into()
    }
}
