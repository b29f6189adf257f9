//! Recovery cards and codes (protocol §10), and the replacement of the server's static key, from the side of those who
//! guess, repeat, race and forge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use countersign_core::account::{KeyState, TicketState};
use countersign_core::encoding::b64u;
use countersign_core::enrolment::{
    AskForCodes, Card, CardKind, ClientHandshake, EnrolError, EnrolRefusal, Introduction, RecoveryCode,
};
use countersign_core::event::EventKind;
use countersign_core::id::TicketId;
use countersign_core::secret::Secret32;
use countersign_server::service::control::{Asked, dispatch};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Person, Whole, now};

fn message(card: &Card, username: &str, number: u8) -> (ClientHandshake, Vec<u8>) {
    let introduction = Introduction { username, device: "new", c_rand: Secret32::new([number; 32]), now: now() };
    ClientHandshake::start(card, &introduction, &Secret32::new([number; 32])).unwrap()
}

async fn knock(whole: &Whole, body: &[u8]) -> Answer {
    let head = format!(
        "POST /api/auth/enrol HTTP/1.1\r\nhost: {}\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        whole.address,
        body.len()
    );
    let mut stream = whole.connect().await;
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    Answer::read(&mut stream).await
}

async fn try_card(whole: &Whole, card: &Card, number: u8) -> Result<Person, u16> {
    let (client, body) = message(card, "", number);
    let answer = knock(whole, &body).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    let enrolled = client.finish(&answer.body).map_err(|error| match error {
        EnrolError::Refused(EnrolRefusal::TicketUsed) => 1_u16,
        other => panic!("{other:?}"),
    })?;
    let keys = enrolled.root.key_pair(enrolled.keyid.as_str());
    let envelope_keys = enrolled.root.envelope_pair(enrolled.keyid.as_str());
    Ok(Person {
        authority: whole.address.to_string(),
        keyid: enrolled.keyid,
        session: None,
        root: enrolled.root,
        keys,
        envelope_keys,
    })
}

async fn recovery_card(whole: &Whole, username: &str) -> Card {
    let invited = whole.operate("invite-back", json!({ "username": username })).await;
    invited["card"].as_str().unwrap().parse().unwrap()
}

async fn whoami(whole: &Whole, person: &Person) -> u16 {
    whole.call(&person.get("/api/auth/whoami")).await.status
}

async fn codes(whole: &Whole, person: &Person, count: u8) -> Vec<Card> {
    let server_key = whole.app.accounts.secrets.static_keys.newest().unwrap();
    let server = (&server_key, person.authority.as_str());
    let key = (&person.keyid, &person.root);
    let (ask, body) = AskForCodes::start(key, server, count, &Secret32::new([9; 32])).unwrap();
    let answer = post_codes(whole, person, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let codes = ask.finish(&answer.body).unwrap();
    let holder = "alice".parse().unwrap();
    codes
        .into_iter()
        .map(|(id, code)| Card::of_code(id, code, server_key, &person.authority, &holder).unwrap())
        .collect()
}

async fn post_codes(whole: &Whole, person: &Person, body: &[u8]) -> Answer {
    let octets = [("content-type", "application/octet-stream")];
    whole.call(&person.request("POST", "/api/auth/recovery-codes", &octets, body)).await
}

async fn kinds(whole: &Whole) -> Vec<EventKind> {
    let events = whole.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    events.into_iter().map(|recorded| recorded.event.kind).collect()
}

async fn fails(whole: &Whole, operation: &str, arguments: Value) -> String {
    let asked = Asked { actor: "test".to_owned(), session: None, at: now() };
    let question = json!({ "operation": operation, "arguments": arguments });
    format!("{:?}", dispatch(&whole.app.accounts, &asked, question).await.unwrap_err())
}

#[tokio::test]
async fn a_recovery_ends_every_other_key_of_the_user_and_nobody_elses() {
    let whole = Whole::start(None, "").await;
    let (alice, bob) = (whole.confirmed("alice").await, whole.confirmed("bob").await);
    let card = recovery_card(&whole, "alice").await;
    let new = try_card(&whole, &card, 1).await.unwrap();
    assert_eq!(whoami(&whole, &alice).await, 200, "until the new key is confirmed");
    let answer = whole.call(&new.get("/api/auth/whoami")).await;
    assert!(answer.text().contains(r#""username":"alice""#), "{}", answer.text());
    assert_eq!((whoami(&whole, &alice).await, whoami(&whole, &bob).await), (401, 200));
    assert!(kinds(&whole).await.contains(&EventKind::Recovered));
    assert_eq!(try_card(&whole, &card, 2).await.err(), Some(1), "and the card is used up");
}

#[tokio::test]
async fn two_who_race_with_one_card_do_not_both_become_the_user() {
    let whole = Whole::start(None, "").await;
    whole.confirmed("alice").await;
    let card = recovery_card(&whole, "alice").await;
    let (first, second) = (try_card(&whole, &card, 1).await.unwrap(), try_card(&whole, &card, 2).await.unwrap());
    let (one, other) = tokio::join!(whoami(&whole, &first), whoami(&whole, &second));
    assert_eq!((one, other), (401, 200), "the newest of one card waits");
    let user = whole.app.accounts.stores.users.named(&"alice".parse().unwrap()).await.unwrap().unwrap();
    let keys = whole.app.accounts.stores.keys.of_user(user.id).await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.state == KeyState::Active).count(), 1);
}

#[tokio::test]
async fn a_wrong_code_an_unknown_one_and_one_of_a_user_who_may_not_sign_are_one_answer() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    let [code, other] = &codes(&whole, &alice, 2).await[..] else { panic!("two codes") };
    let card = recovery_card(&whole, "alice").await;
    let CardKind::Code(id) = code.kind() else { panic!("a code") };
    let forged = |id, octet| {
        let code = RecoveryCode::new([octet; 16]);
        Card::of_code(id, code, *card.server_key(), card.authority(), &"alice".parse().unwrap()).unwrap()
    };
    let mut answers = vec![
        knock(&whole, &message(&forged(id, 7), "", 1).1).await,
        knock(&whole, &message(&forged(TicketId([7; 8]), 7), "", 2).1).await,
    ];
    assert_eq!(kinds(&whole).await.iter().filter(|kind| **kind == EventKind::RecoveryFailed).count(), 1);
    for state in ["disable-user", "enable-user", "delete-user"] {
        whole.operate(state, json!({ "username": "alice" })).await;
        if state != "enable-user" {
            for (number, good) in [code, other, &card].into_iter().enumerate() {
                answers.push(knock(&whole, &message(good, "", 10 + u8::try_from(number).unwrap()).1).await);
            }
        }
    }
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (401, &answers[0].body));
        let names = |answer: &Answer| answer.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(answer), names(&answers[0]));
    }
    let newcomer = whole.confirmed("alice").await;
    assert_eq!(try_card(&whole, &card, 20).await.err(), Some(401), "the name is another's now");
    assert_eq!(whoami(&whole, &newcomer).await, 200);
}

#[tokio::test]
async fn guessing_at_one_code_is_slowed_down_whether_there_is_one_or_not() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    let code = codes(&whole, &alice, 1).await.remove(0);
    let CardKind::Code(known) = code.kind() else { panic!("a code") };
    for id in [known, TicketId([7; 8])] {
        let guess = RecoveryCode::new([7; 16]);
        let card = Card::of_code(id, guess, *code.server_key(), code.authority(), &"alice".parse().unwrap()).unwrap();
        let mut statuses = Vec::new();
        for number in 0..7 {
            statuses.push(knock(&whole, &message(&card, "", number).1).await.status);
        }
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    }
}

#[tokio::test]
async fn a_user_who_is_disabled_between_the_handshake_and_the_first_request_is_not_recovered() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    let card = recovery_card(&whole, "alice").await;
    let new = try_card(&whole, &card, 1).await.unwrap();
    whole.operate("disable-user", json!({ "username": "alice" })).await;
    assert_eq!(whoami(&whole, &new).await, 409);
    whole.operate("enable-user", json!({ "username": "alice" })).await;
    assert_eq!(whoami(&whole, &alice).await, 200, "nothing has changed");
    whole.operate("disable-user", json!({ "username": "alice" })).await;
    assert!(fails(&whole, "invite-back", json!({ "username": "alice" })).await.contains("disabled"));
    assert!(fails(&whole, "invite-back", json!({ "username": "nobody" })).await.contains("not-found"));
}

#[tokio::test]
async fn a_card_that_was_taken_back_recovers_nobody_even_when_its_key_waits() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    let invited = whole.operate("invite-back", json!({ "username": "alice" })).await;
    let card: Card = invited["card"].as_str().unwrap().parse().unwrap();
    let new = try_card(&whole, &card, 1).await.unwrap();
    whole.operate("revoke-ticket", json!({ "ticket": invited["ticket"] })).await;
    assert_eq!(whoami(&whole, &new).await, 401);
    assert_eq!(try_card(&whole, &card, 2).await.err(), Some(401));
    assert_eq!(whoami(&whole, &alice).await, 200);
}

#[tokio::test]
async fn a_recovery_card_enrols_nobody_and_an_invitation_recovers_nobody() {
    let whole = Whole::start(None, "").await;
    whole.confirmed("alice").await;
    let card = recovery_card(&whole, "alice").await;
    let CardKind::Recovery(id) = card.kind() else { panic!("a recovery card") };
    let as_ticket = Card::new(CardKind::Ticket(id), card.psk().clone(), *card.server_key(), card.authority()).unwrap();
    assert_eq!(knock(&whole, &message(&as_ticket, "mallory", 1).1).await.status, 401);
    let as_code = Card::new(CardKind::Code(id), card.psk().clone(), *card.server_key(), card.authority()).unwrap();
    assert_eq!(try_card(&whole, &as_code, 2).await.err(), Some(401));
    let (client, body) = message(&card, "mallory", 3);
    let refused = client.finish(&knock(&whole, &body).await.body).unwrap_err();
    assert_eq!(refused, EnrolError::Refused(EnrolRefusal::Unprocessable), "it names nobody but its user");
}

#[tokio::test]
async fn new_codes_void_the_ones_before_and_nobody_has_codes_made_for_another() {
    let whole = Whole::start(None, "").await;
    let (alice, mallory) = (whole.confirmed("alice").await, whole.confirmed("mallory").await);
    let first = codes(&whole, &alice, 2).await;
    let server_key = whole.app.accounts.secrets.static_keys.newest().unwrap();
    let (_, alices) =
        AskForCodes::start((&alice.keyid, &alice.root), (&server_key, &alice.authority), 1, &Secret32::new([8; 32]))
            .unwrap();
    assert_eq!(post_codes(&whole, &mallory, &alices).await.status, 422);
    assert_eq!(post_codes(&whole, &alice, b"x").await.status, 422);
    let second = codes(&whole, &alice, 1).await;
    assert_eq!(try_card(&whole, &first[0], 1).await.err(), Some(401), "void");
    let new = try_card(&whole, &second[0], 2).await.unwrap();
    assert_eq!(whoami(&whole, &new).await, 200);
    assert_eq!(whoami(&whole, &alice).await, 401);
    assert_eq!(try_card(&whole, &second[0], 3).await.err(), Some(1), "once");
}

fn named(answer: &Answer) -> Option<&str> {
    let covered = answer.field("signature-input").unwrap().contains(r#""countersign-server-key""#);
    answer.field("countersign-server-key").filter(|_| covered)
}

#[tokio::test]
async fn cards_of_a_server_key_that_is_replaced_are_good_until_it_is_retired() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    let newest = || b64u(&whole.app.accounts.secrets.static_keys.newest().unwrap());
    let before = newest();
    assert_eq!(named(&whole.call(&alice.get("/")).await), None, "nothing is announced");
    assert_eq!(named(&whole.call(&alice.get("/api/auth/keys")).await), Some(before.as_str()));
    let mut old_cards = Vec::new();
    for _ in 0..4 {
        old_cards.push(recovery_card(&whole, "alice").await);
    }
    assert!(fails(&whole, "switch-server-key", json!({})).await.contains("no next"));
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    whole.operate("announce-server-key", json!({})).await;
    assert_ne!(newest(), before);
    assert_eq!(named(&whole.call(&alice.get("/")).await), Some(newest().as_str()));
    assert_eq!(named(&whole.call(&alice.get("/nothing?x")).await), Some(newest().as_str()));
    assert!(fails(&whole, "announce-server-key", json!({})).await.contains("announced already"));
    let new_card = recovery_card(&whole, "alice").await;
    assert_eq!(b64u(new_card.server_key()), newest());
    assert!(try_card(&whole, &old_cards[0], 1).await.is_ok());
    assert!(try_card(&whole, &new_card, 2).await.is_ok(), "before the switch");
    whole.operate("switch-server-key", json!({})).await;
    assert!(try_card(&whole, &old_cards[1], 3).await.is_ok());
    assert!(try_card(&whole, &new_card, 4).await.is_ok());
    assert!(fails(&whole, "announce-server-key", json!({})).await.contains("two at a time"));
    let refused = fails(&whole, "retire-server-key", json!({ "void_cards": false })).await;
    assert!(refused.contains("4 open") && refused.contains("--void-cards"), "{refused}");
    let retired = whole.operate("retire-server-key", json!({ "void_cards": true })).await;
    assert_eq!((&retired["former"], &retired["next"]), (&Value::Null, &Value::Null));
    assert_eq!(try_card(&whole, &old_cards[2], 5).await.err(), Some(401));
    let CardKind::Recovery(id) = old_cards[2].kind() else { panic!("a recovery card") };
    let ticket = whole.app.accounts.stores.tickets.find(id).await.unwrap().unwrap();
    assert!(matches!(ticket.state, TicketState::Revoked { .. }), "and the list says why");
    assert!(try_card(&whole, &new_card, 6).await.is_ok());
    assert_eq!(named(&whole.call(&alice.get("/")).await), None);
    let told = kinds(&whole).await;
    for kind in [EventKind::ServerKeyAnnounced, EventKind::ServerKeySwitched, EventKind::ServerKeyRetired] {
        assert_eq!(told.iter().filter(|told| **told == kind).count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn an_api_cannot_announce_a_server_key() {
    let (api, _) = whole::api(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCountersign-Server-Key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n",
    )
    .await;
    let whole = Whole::start(Some(api), "").await;
    let alice = whole.confirmed("alice").await;
    let answer = whole.call(&alice.get("/x")).await;
    assert_eq!((answer.status, answer.field("countersign-server-key")), (200, None));
}
