//! Programs elsewhere that verify tokens by the client's verifier, beside a whole guard.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod signed_in;
mod whole;

use std::time::Duration;

use countersign_client::verifier::{Doubt, Evidence, Refused, Revocation, Settings, Verifier, WhenSilent};
use countersign_client::{Client, Conversation, Credentials, Server};
use countersign_core::account::Role;
use countersign_core::session::{EndReason, Proof, Scope};
use countersign_core::token::TokenFault;
use countersign_server::service::control::Asked;
use countersign_server::service::end_sessions::end_everything;
use futures_util::future::join_all;
use serde_json::json;
use signed_in::{ended, logged_in, person};
use whole::{Whole, now};

/// A verifier with the key of a program, once it is ready.
async fn verifier(whole: &Whole, settings: impl FnOnce(Settings) -> Settings) -> Verifier {
    let program = whole.confirmed("orders").await;
    let credentials = Credentials::new(program.authority.parse().unwrap(), program.keyid.clone().into(), &program.root);
    let server = Server::parse(&format!("http://{}", whole.address)).unwrap();
    let client = Client::new(server, Conversation::new(credentials, 0)).unwrap();
    Verifier::start(client, settings(Settings::new(&whole.app.accounts.issuer)))
}

/// What becomes of a token once this verifier can say. A machine that is busy elsewhere makes the feed silent for a moment.
async fn verdict(verifier: &Verifier, token: &str) -> Result<Evidence, Refused> {
    loop {
        match verifier.verify(token).await {
            Err(Refused::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Ok(accepted) => return Ok(accepted.by),
            Err(refused) => return Err(refused),
        }
    }
}

/// The same once the verifier has heard of what was taken back.
async fn refusal(verifier: &Verifier, token: &str) -> Refused {
    let mut news = verifier.news();
    loop {
        match verdict(verifier, token).await {
            Ok(_) => news.changed().await.unwrap(),
            Err(refused) => return refused,
        }
    }
}

#[tokio::test]
async fn each_kind_of_revocation_reaches_a_verifier_elsewhere() {
    let whole = Whole::start(None, "").await;
    let verifier = verifier(&whole, |settings| settings).await;
    let (alice, bob) = (person(&whole, "alice", Role::User, &[]).await, person(&whole, "bob", Role::User, &[]).await);
    let [one, other] =
        [logged_in(&whole, &alice, Proof::Bearer, now()).await, logged_in(&whole, &alice, Proof::Bearer, now()).await];
    let bobs = logged_in(&whole, &bob, Proof::Bearer, now()).await;
    verifier.is_ready().await.unwrap();
    for login in [&one, &other, &bobs] {
        verdict(&verifier, &login.access_token).await.unwrap();
    }
    ended(&whole, Scope::Session(one.session), EndReason::LoggedOut).await;
    assert_eq!(refusal(&verifier, &one.access_token).await, Refused::Revoked(Revocation::Session));
    verdict(&verifier, &other.access_token).await.unwrap();
    ended(&whole, Scope::User(alice.id), EndReason::UserRevoked).await;
    assert_eq!(refusal(&verifier, &other.access_token).await, Refused::Revoked(Revocation::User));
    verdict(&verifier, &bobs.access_token).await.unwrap();
    end_everything(&whole.app.accounts, &Asked { actor: "test".to_owned(), session: None, at: now() }).await.unwrap();
    assert_eq!(refusal(&verifier, &bobs.access_token).await, Refused::Revoked(Revocation::Everybody));
}

#[tokio::test]
async fn a_thousand_revocations_are_all_known_and_none_is_accepted_after_that() {
    const SESSIONS: usize = 1_000;
    let whole = Whole::start(None, "").await;
    let verifier = verifier(&whole, |settings| settings).await;
    let mut logins = Vec::new();
    for number in 0..10 {
        let user = person(&whole, &format!("user{number}"), Role::User, &[]).await;
        logins.extend(join_all((0..SESSIONS / 10).map(|_| logged_in(&whole, &user, Proof::Bearer, now()))).await);
    }
    verifier.is_ready().await.unwrap();
    let ending = async {
        for some in logins.chunks(50) {
            join_all(some.iter().map(|login| ended(&whole, Scope::Session(login.session), EndReason::Revoked))).await;
        }
    };
    let watching = async {
        let mut unknown: Vec<_> = logins.iter().collect();
        while !unknown.is_empty() {
            let mut accepted = Vec::new();
            for login in unknown {
                match verifier.verify(&login.access_token).await {
                    Ok(_) | Err(Refused::Unavailable(_)) => accepted.push(login),
                    Err(Refused::Revoked(_)) => {}
                    Err(refused) => panic!("{refused}"),
                }
                tokio::task::yield_now().await;
            }
            unknown = accepted;
        }
    };
    tokio::join!(ending, watching);
    for login in &logins {
        let refused = verifier.verify(&login.access_token).await.map(drop);
        assert!(matches!(refused, Err(Refused::Revoked(_))), "accepted after its revocation was known: {refused:?}");
    }
}

#[tokio::test]
async fn the_token_of_a_session_that_signs_is_no_good_elsewhere_without_its_signature() {
    let whole = Whole::start(None, "").await;
    let verifier = verifier(&whole, |settings| settings).await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Key, now()).await;
    verifier.is_ready().await.unwrap();
    assert_eq!(verdict(&verifier, &login.access_token).await, Err(Refused::ProofRequired));
    let proven = verifier.verify_with_proof(&login.access_token, |claims| claims.session == login.session).await;
    assert!(!matches!(proven, Err(Refused::ProofRequired)), "{proven:?}");
}

#[tokio::test]
async fn while_the_feed_is_silent_the_guard_is_asked_about_each_token() {
    let whole = Whole::start(None, "").await;
    // Silent from the first moment on: what the feed says is never new enough.
    let verifier = verifier(&whole, |settings| Settings { silence: Duration::ZERO, ..settings }).await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    verifier.is_ready().await.unwrap();
    assert_eq!(verdict(&verifier, &login.access_token).await, Ok(Evidence::Guard));
    ended(&whole, Scope::Session(login.session), EndReason::LoggedOut).await;
    let refused = verdict(&verifier, &login.access_token).await;
    assert!(matches!(refused, Err(Refused::Revoked(Revocation::Unnamed | Revocation::Session))), "{refused:?}");
}

#[tokio::test]
async fn a_guard_that_is_gone_leaves_nothing_that_is_accepted() {
    for when_silent in [WhenSilent::Ask, WhenSilent::Refuse] {
        let whole = Whole::start(None, "").await;
        let verifier = verifier(&whole, |settings| Settings { when_silent, ..settings }).await;
        let alice = person(&whole, "alice", Role::User, &[]).await;
        let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
        verifier.is_ready().await.unwrap();
        whole.stop();
        while verifier.verify(&login.access_token).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(verifier.verify(&login.access_token).await.unwrap_err(), Refused::Unavailable(Doubt::Silent));
    }
}

#[tokio::test]
async fn a_token_key_that_is_retired_is_none_elsewhere_either() {
    let whole = Whole::start(None, "").await;
    let verifier = verifier(&whole, |settings| settings).await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    verifier.is_ready().await.unwrap();
    verdict(&verifier, &login.access_token).await.unwrap();
    whole.operate("rotate-token-key", json!({ "at_once": true })).await;
    verdict(&verifier, &login.access_token).await.unwrap();
    let next = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    verdict(&verifier, &next.access_token).await.unwrap();
    whole.operate("retire-token-keys", json!({})).await;
    loop {
        match verdict(&verifier, &login.access_token).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(refused) => break assert_eq!(refused, Refused::Token(TokenFault::UnknownKey)),
        }
    }
    verdict(&verifier, &next.access_token).await.unwrap();
}
