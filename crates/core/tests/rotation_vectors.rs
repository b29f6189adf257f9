//! `vectors/rotation.json`: rotation, recovery cards, recovery codes, byte for byte. They were computed by
//! `vectors/rotation.py` from the protocol's text, with another library.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_core::account::Role;
use countersign_core::encoding::{hex, unhex};
use countersign_core::enrolment::{
    Answers, AskForCodes, AskedForCodes, Card, CardKind, ClientHandshake, Grant, Introduced, Introduction, Knock,
    Message, RecoveryCode, public_key, recovery_psk, rotate_psk,
};
use countersign_core::id::{KeyId, TicketId};
use countersign_core::secret::{MacKey, Root, Secret32};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use serde_json::Value;

struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../vectors/rotation.json")).unwrap())
    }

    fn text(&self, path: &str) -> &str {
        self.0.pointer(path).unwrap().as_str().unwrap()
    }

    fn secret(&self, path: &str) -> Secret32 {
        Secret32::new(unhex(self.text(path)).unwrap().try_into().unwrap())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0["time_ms"].as_u64().unwrap())
    }

    fn alice(&self) -> Username {
        self.text("/username").parse().unwrap()
    }

    fn ticket(&self, of: &str) -> TicketId {
        self.text(&format!("/{of}/ticket_id")).parse().unwrap()
    }

    fn ticket_key(&self) -> MacKey {
        MacKey::new(&self.secret("/ticket_key"))
    }

    fn introduction(&self) -> Introduction<'_> {
        let device = self.text("/device");
        Introduction { username: "", device, c_rand: self.secret("/c_rand"), now: self.now() }
    }

    fn old_key(&self, of: &str) -> (KeyId, Root) {
        let (keyid, root) = if of == "rotate" { ("old_keyid", "old_root") } else { ("keyid", "root") };
        (self.text(&format!("/{of}/{keyid}")).parse().unwrap(), Root::new(self.secret(&format!("/{of}/{root}"))))
    }

    /// From the first message on, a new key comes about in the same way, whatever asked for it.
    fn both_sides_agree(&self, of: &str, client: ClientHandshake, introduced: Introduced) {
        let claim = introduced.claim_as(&self.alice(), self.now()).unwrap();
        assert_eq!((claim.username, claim.device.as_str()), (self.alice(), self.text("/device")));
        let keyid = self.text("/new_keyid").parse().unwrap();
        let grant =
            Grant { keyid: &keyid, s_rand: self.secret("/s_rand"), now: self.now(), answers: Answers::AllSigned };
        let accepted = introduced.accept(&grant, &self.secret("/server_ephemeral_priv")).unwrap();
        assert_eq!(hex(&accepted.response), self.text(&format!("/{of}/message2")));
        let enrolled = client.finish(&accepted.response).unwrap();
        assert_eq!(enrolled.keyid, keyid);
        for root in [&enrolled.root, &accepted.root] {
            assert_eq!(hex(root.secret().expose()), self.text(&format!("/{of}/root")));
        }
    }
}

#[test]
fn a_rotation_is_that_of_the_vectors_on_both_sides() {
    let vectors = Vectors::read();
    let (keyid, root) = vectors.old_key("rotate");
    let (server, authority) = (vectors.secret("/server_static_priv"), vectors.text("/authority"));
    let psk = rotate_psk(&keyid, &root);
    assert_eq!(hex(psk.expose()), vectors.text("/rotate/psk"));
    let (client, body) = ClientHandshake::rotate(
        (&keyid, &root),
        (&public_key(&server), authority),
        &vectors.introduction(),
        &vectors.secret("/client_ephemeral_priv"),
    )
    .unwrap();
    assert_eq!(hex(&body), vectors.text("/rotate/request_body"));
    let introduced = Message::of_key(&keyid, &body).unwrap().open(&server, &psk, authority).unwrap();
    vectors.both_sides_agree("rotate", client, introduced);
}

#[test]
fn recovery_cards_and_codes_are_those_of_the_vectors_on_both_sides() {
    let vectors = Vectors::read();
    let (server, authority) = (vectors.secret("/server_static_priv"), vectors.text("/authority"));
    for of in ["recovery_card", "recovery_code"] {
        let text = vectors.text(&format!("/{of}/text"));
        let card: Card = text.parse().unwrap();
        assert_eq!(*card.to_text(), text);
        assert_eq!((card.authority(), card.holder()), (authority, "alice"));
        assert_eq!(*card.server_key(), public_key(&server));
        let (client, body) =
            ClientHandshake::start(&card, &vectors.introduction(), &vectors.secret("/client_ephemeral_priv")).unwrap();
        assert_eq!(hex(&body), vectors.text(&format!("/{of}/request_body")));
        let knock = Knock::read(&body).unwrap();
        assert_eq!(knock.kind(), card.kind());
        let psk = vectors.secret(&format!("/{of}/psk"));
        vectors.both_sides_agree(of, client, knock.open(&server, &psk, authority).unwrap());
    }
}

#[test]
fn the_psks_of_recovery_are_derived_as_in_the_vectors() {
    let vectors = Vectors::read();
    let not_after = Timestamp::from_secs(vectors.0["recovery_card"]["not_after"].as_u64().unwrap());
    let (role, alice) = (vectors.text("/recovery_card/role").parse::<Role>().unwrap(), vectors.alice());
    let psk = recovery_psk(&vectors.ticket_key(), vectors.ticket("recovery_card"), not_after, (role, &alice));
    assert_eq!(hex(psk.expose()), vectors.text("/recovery_card/psk"));
    let id = vectors.ticket("recovery_code");
    let code = RecoveryCode::of_ticket(&vectors.ticket_key(), id, &alice);
    assert_eq!(hex(code.expose()), vectors.text("/recovery_code/code"));
    assert_eq!(hex(code.psk(id).expose()), vectors.text("/recovery_code/psk"));
    let server_key = public_key(&vectors.secret("/server_static_priv"));
    let card = Card::of_code(id, code, server_key, vectors.text("/authority"), &alice).unwrap();
    assert_eq!(card.kind(), CardKind::Code(id));
    assert_eq!(*card.to_text(), vectors.text("/recovery_code/text"));
}

#[test]
fn recovery_codes_travel_as_in_the_vectors() {
    let vectors = Vectors::read();
    let (keyid, root) = vectors.old_key("codes");
    let (server, authority) = (vectors.secret("/server_static_priv"), vectors.text("/authority"));
    let ephemeral = vectors.secret("/client_ephemeral_priv");
    let (client, body) = AskForCodes::start((&keyid, &root), (&public_key(&server), authority), 1, &ephemeral).unwrap();
    assert_eq!(hex(&body), vectors.text("/codes/message1"));
    let asked = AskedForCodes::open((&keyid, &root), (&server, authority), &body).unwrap();
    let id = vectors.ticket("recovery_code");
    let code = RecoveryCode::of_ticket(&vectors.ticket_key(), id, &vectors.alice());
    let answer = asked.answer(&[(id, code)], &vectors.secret("/server_ephemeral_priv")).unwrap();
    assert_eq!(hex(&answer), vectors.text("/codes/message2"));
    let codes = client.finish(&answer).unwrap();
    assert_eq!(codes.len(), 1);
    assert_eq!(hex(codes[0].1.expose()), vectors.text("/recovery_code/code"));
}
