//! `vectors/countersign.json`: cards, tickets, enrolment handshakes and the seed's registration, byte for byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_core::account::Role;
use countersign_core::encoding::{hex, unhex};
use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::enrolment::{
    Answers, Card, CardKind, ClientHandshake, EnrolError, EnrolRefusal, Grant, Introduction, Knock, public_key,
    ticket_psk,
};
use countersign_core::id::KeyId;
use countersign_core::secret::{MacKey, Secret32};
use countersign_core::time::Timestamp;
use serde_json::Value;

const AUTHORITY: &str = "api.example.com";
const NOW: Timestamp = Timestamp::from_millis(0x0000_019a_a97a_f900);

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../vectors/countersign.json")).unwrap()
}

fn octets32(value: &Value) -> [u8; 32] {
    unhex(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn secret(value: &Value) -> Secret32 {
    Secret32::new(octets32(value))
}

fn introduction() -> Introduction<'static> {
    Introduction { username: "alice", device: "laptop", c_rand: Secret32::new([0xc1; 32]), now: NOW }
}

fn keyid() -> KeyId {
    "k7f3a9c2d4e5b6a1c".parse().unwrap()
}

fn grant(keyid: &KeyId) -> Grant<'_> {
    Grant { keyid, s_rand: Secret32::new([0x51; 32]), now: NOW, answers: Answers::AllSigned }
}

#[test]
fn cards_read_and_print_as_in_the_vectors() {
    let vectors = vectors();
    let cards = &vectors["cards"];
    let server_key = octets32(&cards["server_static_pub"]);
    let ticket = CardKind::Ticket(cards["ticket"]["ticket_id"].as_str().unwrap().parse().unwrap());
    for (kind, vector) in [(CardKind::Group, &cards["group"]), (ticket, &cards["ticket"])] {
        let text = vector["text"].as_str().unwrap();
        let card: Card = text.parse().unwrap();
        assert_eq!(card.kind(), kind);
        assert_eq!(*card.psk().expose(), octets32(&vector["psk"]));
        assert_eq!(*card.server_key(), server_key);
        assert_eq!(card.authority(), AUTHORITY);
        assert_eq!(*card.to_text(), text);
        let made = Card::new(kind, secret(&vector["psk"]), server_key, AUTHORITY).unwrap();
        assert_eq!(*made.to_text(), text);
    }
}

#[test]
fn the_psk_of_a_ticket_is_derived_as_in_the_vectors() {
    let vectors = vectors();
    let ticket = &vectors["cards"]["ticket"];
    let psk = ticket_psk(
        &MacKey::new(&secret(&ticket["ticket_key"])),
        ticket["ticket_id"].as_str().unwrap().parse().unwrap(),
        Timestamp::from_secs(ticket["not_after"].as_u64().unwrap()),
        ticket["role"].as_str().unwrap().parse::<Role>().unwrap(),
    );
    assert_eq!(*psk.expose(), octets32(&ticket["psk"]));
}

#[test]
fn the_public_key_on_the_cards_belongs_to_the_private_key_of_the_handshakes() {
    let vectors = vectors();
    let private = secret(&vectors["enrol"]["group"]["server_static_priv"]);
    assert_eq!(public_key(&private), octets32(&vectors["cards"]["server_static_pub"]));
}

#[test]
fn both_sides_of_an_enrolment_write_the_messages_of_the_vectors_and_agree_on_the_root() {
    let vectors = vectors();
    for kind in ["group", "ticket"] {
        let vector = &vectors["enrol"][kind];
        let card: Card = vectors["cards"][kind]["text"].as_str().unwrap().parse().unwrap();
        let (client, body) =
            ClientHandshake::start(&card, &introduction(), &secret(&vector["client_ephemeral_priv"])).unwrap();
        assert_eq!(hex(&body), vector["request_body"].as_str().unwrap());

        let knock = Knock::read(&body).unwrap();
        assert_eq!(knock.kind(), card.kind());
        let introduced =
            knock.open(&secret(&vector["server_static_priv"]), &secret(&vector["psk"]), AUTHORITY).unwrap();
        let claim = introduced.claim(NOW).unwrap();
        assert_eq!((claim.username.as_str(), claim.device.as_str(), claim.client_time), ("alice", "laptop", NOW));
        let keyid = keyid();
        let accepted = introduced.accept(&grant(&keyid), &secret(&vector["server_ephemeral_priv"])).unwrap();
        assert_eq!(hex(&accepted.response), vector["response_body"].as_str().unwrap());
        assert_eq!(*accepted.root.secret().expose(), octets32(&vector["root"]));

        let enrolled = client.finish(&accepted.response).unwrap();
        assert_eq!(enrolled.keyid, keyid);
        assert_eq!(*enrolled.root.secret().expose(), octets32(&vector["root"]));
        assert_eq!((enrolled.server_time, enrolled.answers), (NOW, Answers::AllSigned));
    }
}

#[test]
fn a_refusal_travels_inside_the_handshake_as_in_the_vectors() {
    let vectors = vectors();
    let vector = &vectors["enrol"]["group"];
    let card: Card = vectors["cards"]["group"]["text"].as_str().unwrap().parse().unwrap();
    let (client, body) =
        ClientHandshake::start(&card, &introduction(), &secret(&vector["client_ephemeral_priv"])).unwrap();
    let introduced = Knock::read(&body)
        .unwrap()
        .open(&secret(&vector["server_static_priv"]), &secret(&vector["psk"]), AUTHORITY)
        .unwrap();
    let response = introduced.refuse(EnrolRefusal::Conflict, &secret(&vector["server_ephemeral_priv"])).unwrap();
    assert_eq!(hex(&response), vectors["enrol"]["refused"]["response_body"].as_str().unwrap());
    assert_eq!(client.finish(&response).unwrap_err(), EnrolError::Refused(EnrolRefusal::Conflict));
}

#[test]
fn the_registration_of_the_seed_is_made_and_taken_as_in_the_vectors() {
    let vectors = vectors();
    let vector = &vectors["seed_mode"];
    let text = |name: &str| vector[name].as_str().unwrap();
    let shared = secret(&vector["shared_key"]);
    let (made, private_key) = SeedRegistration::new(&shared, text("username"), octets32(&vector["nonce"]));
    assert_eq!(made.nonce_hex(), text("nonce"));
    assert_eq!(made.mac_hex(), text("registration_mac"));
    assert_eq!(*private_key.secret().expose(), octets32(&vector["private_key"]));

    let read = SeedRegistration::from_hex(text("username"), text("nonce"), text("registration_mac")).unwrap();
    assert_eq!(read, made);
    assert_eq!(*read.verify(&shared).unwrap().secret().expose(), octets32(&vector["private_key"]));
}
