//! What a client believes of the server's static key, and of its own keys.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use countersign_client::{CallError, Client, Conversation, Interference, KeyError, OwnKey, Server, rotate};
use countersign_core::encoding::b64u;
use countersign_core::id::KeyId;
use countersign_core::problem::Problem;
use countersign_core::secret::Root;

use fake_guard::{FakeGuard, Reply, Signer, now};

fn client(guard: &FakeGuard, signer: &Signer) -> Client {
    let conversation = Conversation::new(signer.credentials(&guard.address.to_string()), 0);
    Client::new(Server::parse(&guard.url("")).unwrap(), conversation).unwrap()
}

fn key(signer: &Signer) -> (&KeyId, &Root) {
    (signer.keyid.key().unwrap(), &signer.root)
}

fn announcing(key: &[u8; 32]) -> Reply {
    Reply::json(r#"{"keys":[]}"#).with("countersign-server-key", &b64u(key))
}

#[tokio::test]
async fn a_static_key_is_believed_when_the_signature_covers_it_and_not_when_somebody_has_added_it() {
    let signer = Signer::new(7);
    let honest = signer.clone();
    let guard = FakeGuard::start(move |heard, _| honest.judge(heard, announcing(&[9; 32]), now()).octets());
    let answer = client(&guard, &signer).own_keys().await.unwrap();
    assert_eq!(answer.verified.server_key(), Some([9; 32]));

    let honest = signer.clone();
    let guard = FakeGuard::start(move |heard, _| {
        let reply = honest.judge(heard, Reply::json("{}"), now());
        reply.with("countersign-server-key", &b64u(&[6; 32])).octets()
    });
    let answer = client(&guard, &signer).own_keys().await.unwrap();
    assert_eq!(answer.verified.server_key(), None, "added under way");

    let honest = signer.clone();
    let guard = FakeGuard::start(move |heard, _| {
        let mut reply = honest.judge(heard, announcing(&[9; 32]), now());
        reply.set("countersign-server-key", &b64u(&[6; 32]));
        reply.octets()
    });
    let error = client(&guard, &signer).own_keys().await.unwrap_err();
    assert!(matches!(error, CallError::Interference(Interference::BadMac)), "changed under way: {error:?}");
}

#[tokio::test]
async fn a_static_key_that_is_none_is_not_kept() {
    for text in ["", "AAAA", &b64u(&[9; 31]), &b64u(&[9; 33]), "not base64!"] {
        let signer = Signer::new(7);
        let honest = signer.clone();
        let text = text.to_owned();
        let guard = FakeGuard::start(move |heard, _| {
            let reply = Reply::json("{}").with("countersign-server-key", &text);
            honest.judge(heard, reply, now()).octets()
        });
        assert_eq!(client(&guard, &signer).own_keys().await.unwrap().verified.server_key(), None);
    }
}

#[tokio::test]
async fn an_unsigned_answer_never_makes_a_client_take_another_static_key() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(|_, _| {
        Reply::problem(&Problem::UNPROCESSABLE).with("countersign-server-key", &b64u(&[6; 32])).octets()
    });
    let error = rotate(&client(&guard, &signer), key(&signer), Some([9; 32]), "").await.unwrap_err();
    assert!(matches!(error, KeyError::Call(CallError::Interference(Interference::MissingSignature))), "{error:?}");
    assert_eq!(guard.requests().len(), 1, "and it does not try again with that key");
}

#[tokio::test]
async fn a_refusal_of_the_server_itself_is_told_apart_from_a_list() {
    let signer = Signer::new(7);
    let honest = signer.clone();
    let guard =
        FakeGuard::start(move |heard, _| honest.judge(heard, Reply::problem(&Problem::FORBIDDEN), now()).octets());
    let client = client(&guard, &signer);
    let refused = client.own_keys().await.unwrap().verified;
    assert!(OwnKey::list(&refused).is_none());
    let error = rotate(&client, key(&signer), Some([9; 32]), "").await.unwrap_err();
    assert!(matches!(&error, KeyError::Refused(refused) if refused.problem == Some(&Problem::FORBIDDEN)), "{error:?}");
}
