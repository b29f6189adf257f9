//! Access tokens as somebody else would make them: each row is a token that must not be taken, and what it is found to be.

mod properties;

use serde_json::{Value, json};

use super::*;
use crate::account::Role;
use crate::encoding::{b64u, unb64u};
use crate::id::{SessionRef, UserId};
use crate::permission::Permissions;
use crate::secret::Secret32;
use crate::session::Proof;
use crate::time::Timestamp;

const NOW: u64 = 1_763_780_000;
const PARTIES: Parties<'_> = Parties { issuer: "https://api.example", audience: "https://api.example" };
const REF: &str = "AQEBAQEBAQEBAQEBAQEBAQ";

fn key() -> TokenSigningKey {
    TokenSigningKey::new(&Secret32::new([7; 32]))
}

fn keys() -> TokenKeys {
    TokenKeys::new([TokenSigningKey::new(&Secret32::new([8; 32])).public(), key().public()])
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId::from_random([9; 16]),
        username: "alice".parse().unwrap(),
        role: Role::User,
        permissions: "orders:read orders:write".parse().unwrap(),
        session: SessionRef([1; 16]),
        proof: Proof::Bearer,
        id: TokenId([2; 16]),
        auth_time: Timestamp::from_secs(NOW - 30),
        issued: Timestamp::from_secs(NOW - 10),
        expires: Timestamp::from_secs(NOW + 890),
        generation: 3,
        epoch: 4,
        address: None,
    }
}

fn taken_at(token: &str, now: Timestamp) -> Result<AccessClaims, TokenFault> {
    verify(token, &keys(), &PARTIES, now).map(|token| token.claims().clone())
}

fn taken(token: &str) -> Result<AccessClaims, TokenFault> {
    taken_at(token, Timestamp::from_secs(NOW))
}

/// The token with this header and these claims, under our own key: whatever is wrong with it, the signature is right.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", b64u(header.as_bytes()), b64u(claims.as_bytes()));
    format!("{message}.{}", b64u(&key().sign(message.as_bytes())))
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key().id().as_str()})
}

fn payload() -> Value {
    let token = issue(&claims(), &PARTIES, &key()).unwrap();
    serde_json::from_slice(&unb64u(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// `object` with these members in place of its own; null takes one away.
fn with(mut object: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        let object = object.as_object_mut().unwrap();
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
    object
}

fn with_header(members: Value) -> Result<AccessClaims, TokenFault> {
    taken(&signed(&with(header(), members).to_string(), &payload().to_string()))
}

fn with_claims(members: Value) -> Result<AccessClaims, TokenFault> {
    taken(&signed(&header().to_string(), &with(payload(), members).to_string()))
}

#[test]
fn what_is_issued_is_verified_and_says_the_same() {
    for claims in [
        claims(),
        AccessClaims { proof: Proof::Key, permissions: Permissions::default(), ..claims() },
        AccessClaims { address: Some("2001:db8::1".parse().unwrap()), role: Role::Admin, ..claims() },
    ] {
        assert_eq!(taken(&issue(&claims, &PARTIES, &key()).unwrap()), Ok(claims));
    }
}

#[test]
fn the_claims_are_those_of_rfc_9068_and_our_own() {
    let claims = AccessClaims { proof: Proof::Key, address: Some("192.0.2.7".parse().unwrap()), ..claims() };
    let token = issue(&claims, &PARTIES, &key()).unwrap();
    let part =
        |place| -> Value { serde_json::from_slice(&unb64u(token.split('.').nth(place).unwrap()).unwrap()).unwrap() };
    assert_eq!(part(0), header());
    let expected = json!({
        "iss": "https://api.example", "aud": "https://api.example", "client_id": "countersign",
        "sub": "09090909-0909-4909-8909-090909090909", "sid": REF, "jti": "AgICAgICAgICAgICAgICAg",
        "username": "alice", "role": "user", "permissions": ["orders:read", "orders:write"],
        "cnf": {"kid": format!("s.{REF}")}, "ip": "192.0.2.7",
        "auth_time": NOW - 30, "iat": NOW - 10, "exp": NOW + 890, "gen": 3, "epoch": 4,
    });
    assert_eq!(part(1), expected);
}

#[test]
fn the_helpers_of_these_tests_make_good_tokens() {
    assert_eq!(with_header(json!({})), Ok(claims()));
    assert_eq!(with_claims(json!({})), Ok(claims()));
}

#[test]
fn d01_no_other_algorithm_is_taken_with_or_without_a_signature() {
    for algorithm in ["none", "None", "nOnE", "", "HS256", "ES256", "RS256", "Ed25519", "eddsa", "EDDSA", "Ed448"] {
        assert_eq!(with_header(json!({"alg": algorithm})), Err(TokenFault::Header), "{algorithm}");
        let unsigned = format!(
            "{}.{}.",
            b64u(with(header(), json!({"alg": algorithm})).to_string().as_bytes()),
            b64u(payload().to_string().as_bytes())
        );
        assert_eq!(taken(&unsigned), Err(TokenFault::Header), "{algorithm}");
    }
    for algorithm in [json!(["EdDSA"]), json!(7), json!({"alg": "EdDSA"}), json!(true)] {
        assert_eq!(with_header(json!({"alg": algorithm})), Err(TokenFault::Header), "{algorithm}");
    }
    assert_eq!(with_header(json!({"alg": null})), Err(TokenFault::Header));
    let good = issue(&claims(), &PARTIES, &key()).unwrap();
    let (message, _) = good.rsplit_once('.').unwrap();
    assert_eq!(taken(&format!("{message}.")), Err(TokenFault::Signature), "an empty signature");
}

#[test]
fn d02_the_public_key_is_no_secret_of_an_hmac() {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let header = with(header(), json!({"alg": "HS256"})).to_string();
    let message = format!("{}.{}", b64u(header.as_bytes()), b64u(payload().to_string().as_bytes()));
    for secret in [key().public().octets().to_vec(), b64u(key().public().octets()).into_bytes()] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(message.as_bytes());
        let token = format!("{message}.{}", b64u(&mac.finalize().into_bytes()));
        assert_eq!(taken(&token), Err(TokenFault::Header));
    }
}

#[test]
fn d03_a_key_is_found_by_its_exact_name_or_not_at_all() {
    let thumbprint = key().id().to_string();
    for name in [
        "",
        "../../../../dev/null",
        "' OR 1=1--",
        "https://evil.example/key",
        "0",
        "k\r\nX: y",
        &thumbprint.to_lowercase(),
        &format!("{thumbprint} "),
        &thumbprint[1..],
    ] {
        assert_eq!(with_header(json!({"kid": name})), Err(TokenFault::UnknownKey), "{name}");
    }
    for name in [json!([thumbprint]), json!(0), json!({})] {
        assert_eq!(with_header(json!({"kid": name})), Err(TokenFault::Header), "{name}");
    }
    assert_eq!(with_header(json!({"kid": null})), Err(TokenFault::Header));
    assert_eq!(
        with_header(json!({"kid": "a".repeat(10_000)})),
        Err(TokenFault::Malformed),
        "beyond the size of a token"
    );
    assert_eq!(
        with_header(json!({"kid": "a".repeat(1_000)})),
        Err(TokenFault::Malformed),
        "beyond the size of a header"
    );
    let other = TokenSigningKey::new(&Secret32::new([8; 32]));
    assert_eq!(with_header(json!({"kid": other.id().as_str()})), Err(TokenFault::Signature), "the name of another key");
}

#[test]
fn d04_to_d06_a_header_has_nothing_beside_its_three_members() {
    let point = b64u(key().public().octets());
    for members in [
        json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": point}}),
        json!({"jku": "https://evil.example/jwks.json"}),
        json!({"x5u": "https://evil.example/cert.pem"}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5t": "AA"}),
        json!({"crit": ["exp"], "exp": 1}),
        json!({"crit": []}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"b64": false}),
        json!({"b64": true}),
        json!({"zip": "DEF"}),
        json!({"enc": "A256GCM"}),
        json!({"cty": "JWT"}),
        json!({"unknown": 1}),
    ] {
        assert_eq!(with_header(members.clone()), Err(TokenFault::Header), "{members}");
    }
    for header in [
        format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, key().id()),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"x","kid":"{}"}}"#, key().id()),
        "[]".to_owned(),
        "\"EdDSA\"".to_owned(),
        String::new(),
        format!("\u{feff}{}", header()),
        format!("{}{{}}", header()),
    ] {
        assert_eq!(taken(&signed(&header, &payload().to_string())), Err(TokenFault::Malformed), "{header}");
    }
}

#[test]
fn d07_a_token_for_somebody_else_or_of_somebody_else_is_refused() {
    for (value, what) in [
        (json!("https://evil.example"), "another"),
        (json!("https://api.example/"), "with a slash"),
        (json!("HTTPS://api.example"), "in capitals"),
        (json!(["https://api.example"]), "a list"),
        (json!(["https://api.example", "https://evil.example"]), "a longer list"),
        (json!(7), "a number"),
        (json!(null), "missing"),
    ] {
        assert_eq!(with_claims(json!({"iss": value})), Err(TokenFault::Issuer), "{what}");
        assert_eq!(with_claims(json!({"aud": value})), Err(TokenFault::Audience), "{what}");
    }
}

#[test]
fn d08_times_are_whole_numbers_within_their_range_and_nothing_else() {
    let wrong = [
        "\"1763780890\"",
        "1763780890.0",
        "1.76e9",
        "1e400",
        "-1",
        "[1763780890]",
        "{}",
        "true",
        "01763780890",
        "null",
        "9007199254740992",
        "18446744073709551616",
        "\u{661}",
    ];
    for name in ["exp", "iat", "auth_time", "nbf", "gen", "epoch"] {
        for value in wrong {
            let claims = with(payload(), json!({name: null})).to_string();
            let claims = format!(r#"{},"{name}":{value}}}"#, claims.strip_suffix('}').unwrap());
            assert_eq!(taken(&signed(&header().to_string(), &claims)), Err(TokenFault::Claims), "{name}: {value}");
        }
        let without = if name == "nbf" { Ok(claims()) } else { Err(TokenFault::Claims) };
        assert_eq!(with_claims(json!({name: null})), without, "{name} is missing");
    }
    for (members, fault) in [
        (json!({"exp": 0}), TokenFault::Claims),
        (json!({"exp": NOW - 10}), TokenFault::Claims),
        (json!({"exp": NOW - 9}), TokenFault::Expired),
        (json!({"exp": NOW - 10 + 3_601}), TokenFault::Claims),
        (json!({"exp": 9_007_199_254_740_991_u64}), TokenFault::Claims),
        (json!({"gen": 4_294_967_296_u64}), TokenFault::Claims),
        (json!({"epoch": 4_294_967_296_u64}), TokenFault::Claims),
    ] {
        assert_eq!(with_claims(members.clone()), Err(fault), "{members}");
    }
    assert!(with_claims(json!({"exp": NOW - 10 + 3_600})).is_ok());
}

#[test]
fn a_token_is_good_until_the_last_millisecond_before_its_end() {
    let token = issue(&claims(), &PARTIES, &key()).unwrap();
    let at = |millis| taken_at(&token, Timestamp::from_millis(millis));
    let end = (NOW + 890) * 1_000;
    assert!(at(end - 1).is_ok());
    assert_eq!(at(end), Err(TokenFault::Expired));
    assert_eq!(at(u64::MAX), Err(TokenFault::Expired));
}

#[test]
fn a_clock_may_be_a_minute_behind_that_of_the_issuer() {
    let token = issue(&claims(), &PARTIES, &key()).unwrap();
    let start = (NOW - 10) * 1_000;
    assert!(taken_at(&token, Timestamp::from_millis(start - 60_000)).is_ok());
    assert_eq!(taken_at(&token, Timestamp::from_millis(start - 60_001)), Err(TokenFault::NotYet));
    assert!(with_claims(json!({"nbf": NOW + 60})).is_ok());
    assert_eq!(with_claims(json!({"nbf": NOW + 61})), Err(TokenFault::NotYet));
}

#[test]
fn d10_tokens_of_other_types_are_no_access_tokens() {
    for kind in ["JWT", "jwt", "AT+JWT", "application/at+jwt", "rt+jwt", "id_token", "dpop+jwt", "logout+jwt", ""] {
        assert_eq!(with_header(json!({"typ": kind})), Err(TokenFault::Header), "{kind}");
    }
    assert_eq!(with_header(json!({"typ": null})), Err(TokenFault::Header));
    assert_eq!(with_header(json!({"typ": ["at+jwt"]})), Err(TokenFault::Header));
    for other in
        ["csr_AQEBAQEBAQEBAQEBAQEBAQ.1.AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI", "csa_AQEBAQEBAQEBAQEBAQEBAQ.AgI"]
    {
        assert_eq!(taken(other), Err(TokenFault::Malformed), "{other}");
    }
}

#[test]
fn d11_a_token_has_one_spelling() {
    let good = issue(&claims(), &PARTIES, &key()).unwrap();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        header.to_owned(),
        format!("{header}.{claims}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}.{claims}.{signature}"),
        format!("{header}..{claims}.{signature}"),
        format!("{good}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}.{claims}\n.{signature}"),
        format!("{header}. {claims}.{signature}"),
        format!("Bearer {good}"),
        format!("{header}.{claims}.{}+", &signature[..85]),
        format!("{header}.{claims}.{}/", &signature[..85]),
        format!("{header}.{claims}.{}%3D", &signature[..83]),
        format!(r#"{{"payload":"{claims}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#),
        format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}"}}"#),
    ] {
        assert_eq!(taken(&token), Err(TokenFault::Malformed), "{token}");
    }
    let last = signature.chars().last().unwrap();
    for other in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).filter(|other| *other != last) {
        let respelt = format!("{header}.{claims}.{}{other}", &signature[..85]);
        assert!(taken(&respelt).is_err(), "trailing bits that are not zero: {other}");
    }
}

#[test]
fn the_signature_is_64_octets() {
    let good = issue(&claims(), &PARTIES, &key()).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let octets = unb64u(signature).unwrap();
    for other in [&octets[..63], &[octets.as_slice(), &[0]].concat(), &[]] {
        assert_eq!(taken(&format!("{message}.{}", b64u(other))), Err(TokenFault::Signature));
    }
}

#[test]
fn d12_claims_that_readers_take_differently_are_refused_though_they_are_signed() {
    let claims = payload().to_string();
    let open = claims.strip_suffix('}').unwrap();
    for claims in [
        format!(r#"{open},"sub":"09090909-0909-4909-8909-090909090900"}}"#),
        format!(r#"{open},"\u0073ub":"09090909-0909-4909-8909-090909090900"}}"#),
        format!(r#"{open},"x":1,"x":1}}"#),
        format!(r#"{open},"x":{}{}}}"#, "[".repeat(100), "]".repeat(100)),
        format!("{claims}{claims}"),
        "[]".to_owned(),
        String::new(),
        "null".to_owned(),
    ] {
        assert_eq!(taken(&signed(&header().to_string(), &claims)), Err(TokenFault::Claims), "{claims}");
    }
}

#[test]
fn d13_a_long_token_is_not_looked_at() {
    let padding = |count: usize| with(payload(), json!({"x": "x".repeat(count)})).to_string();
    let of = |count| signed(&header().to_string(), &padding(count));
    let fits = (0..8_192).rev().find(|count| of(*count).len() <= LONGEST_TOKEN).unwrap();
    assert_eq!(taken(&of(fits)), Ok(claims()));
    assert_eq!(taken(&of(fits + 2)), Err(TokenFault::Malformed));
    assert_eq!(taken(&"a".repeat(1 << 20)), Err(TokenFault::Malformed));
    let issuer = format!("https://{}.example", "a".repeat(6_000));
    assert_eq!(issue(&claims(), &Parties { issuer: &issuer, ..PARTIES }, &key()), Err(TooLong));
}

#[test]
fn what_a_claim_says_is_read_in_its_one_spelling() {
    for (name, values) in [
        (
            "sub",
            vec![
                json!("alice"),
                json!("{09090909-0909-4909-8909-090909090909}"),
                json!("09090909090949098909090909090909"),
                json!(9),
            ],
        ),
        (
            "sid",
            vec![json!(""), json!("AQEB"), json!(format!("{REF}==")), json!("AQEBAQEBAQEBAQEBAQEBAR"), json!([REF])],
        ),
        ("jti", vec![json!(""), json!("AgIC"), json!(7)]),
        ("username", vec![json!("Alice"), json!(""), json!("root"), json!(["alice"])]),
        ("role", vec![json!("Admin"), json!("owner"), json!(["admin"]), json!(true)]),
        (
            "permissions",
            vec![
                json!("orders:read"),
                json!([7]),
                json!([["a"]]),
                json!({}),
                json!(["b", "a"]),
                json!(["a", "a"]),
                json!(["A"]),
                json!([""]),
            ],
        ),
        ("ip", vec![json!("192.0.2.007"), json!("example.org"), json!("2001:DB8::1"), json!(7), json!(["192.0.2.7"])]),
    ] {
        for value in values {
            assert_eq!(with_claims(json!({name: value})), Err(TokenFault::Claims), "{name}: {value}");
        }
        let without = if name == "ip" { Ok(claims()) } else { Err(TokenFault::Claims) };
        assert_eq!(with_claims(json!({name: null})), without, "{name} is missing");
    }
}

#[test]
fn d18_a_token_that_asks_for_a_signature_never_reads_as_one_that_does_not() {
    let bound = Ok(AccessClaims { proof: Proof::Key, ..claims() });
    assert_eq!(with_claims(json!({"cnf": {"kid": format!("s.{REF}")}})), bound);
    for cnf in [
        json!({}),
        json!({"kid": REF}),
        json!({"kid": "s.AgICAgICAgICAgICAgICAg"}),
        json!({"kid": ["s.AQEBAQEBAQEBAQEBAQEBAQ"]}),
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"kid": format!("s.{REF}"), "jkt": "x"}),
        json!("s.AQEBAQEBAQEBAQEBAQEBAQ"),
        json!([]),
        json!(false),
    ] {
        assert_eq!(with_claims(json!({"cnf": cnf})), Err(TokenFault::Claims), "{cnf}");
    }
    let null = payload().to_string().replace("\"aud\"", "\"cnf\":null,\"aud\"");
    assert_eq!(taken(&signed(&header().to_string(), &null)), Err(TokenFault::Claims));
}

#[test]
fn claims_that_a_newer_guard_may_write_are_passed_over() {
    assert_eq!(with_claims(json!({"level": 2, "acr": "urn:x", "more": {"a": [true]}})), Ok(claims()));
}

#[test]
fn a_token_of_a_key_that_is_gone_is_refused() {
    let token = issue(&claims(), &PARTIES, &TokenSigningKey::new(&Secret32::new([6; 32]))).unwrap();
    assert_eq!(taken(&token), Err(TokenFault::UnknownKey));
    assert_eq!(
        verify(&token, &TokenKeys::default(), &PARTIES, Timestamp::from_secs(NOW)).unwrap_err(),
        TokenFault::UnknownKey
    );
}
