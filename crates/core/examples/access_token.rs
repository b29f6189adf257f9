//! Prints an access token, and the JWK set with the key that it was signed with, as one JSON object: for trying another JWT
//! library on it. It takes the time as its only argument, in seconds, and a fixed key that is good for nothing else.

use countersign_core::account::Role;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::secret::Secret32;
use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_core::token::{AccessClaims, AccessLifetime, Parties, TokenId, TokenKeyRing, issue, verify};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let argument = std::env::args().nth(1).ok_or("the time is missing; try `access_token $(date +%s)`")?;
    let now = Timestamp::from_secs(argument.parse()?);
    let ring = TokenKeyRing::new(Secret32::new([7; 32]), Secret32::new([8; 32]), now);
    let claims = AccessClaims {
        user: UserId::from_random([9; 16]),
        username: "alice".parse()?,
        role: Role::User,
        permissions: "orders:read".parse()?,
        session: SessionRef([1; 16]),
        proof: Proof::Key,
        id: TokenId([2; 16]),
        auth_time: now,
        issued: now,
        expires: AccessLifetime::DEFAULT.expiry(now, Timestamp::MAX, 7).ok_or("the time is up")?,
        generation: 0,
        epoch: 0,
        address: None,
    };
    let parties = Parties { issuer: "https://api.example", audience: "https://api.example" };
    let token = issue(&claims, &parties, ring.signing().0)?;
    let read = verify(&token, &ring.keys(), &parties, now)?;
    assert_eq!(read.claims(), &claims, "what is issued is verified");
    println!(r#"{{"issuer":"{}","token":"{token}","jwks":{}}}"#, parties.issuer, ring.keys().to_jwks());
    Ok(())
}
