use super::super::payload::MAX_DEVICE;
use super::super::{Card, ClientHandshake, EnrolError, Introduction, decoy_psk, public_key, rotate_psk};
use super::*;
use crate::id::TicketId;
use crate::secret::MacKey;

const AUTHORITY: &str = "api.example.com";
const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);
const TICKET: CardKind = CardKind::Ticket(TicketId([7; 8]));

fn secret(octet: u8) -> Secret32 {
    Secret32::new([octet; 32])
}

fn server() -> Secret32 {
    secret(0x11)
}

fn card(kind: CardKind) -> Card {
    Card::new(kind, secret(0x22), public_key(&server()), AUTHORITY).unwrap()
}

fn introduction<'a>(username: &'a str, device: &'a str) -> Introduction<'a> {
    Introduction { username, device, c_rand: secret(0xc1), now: NOW }
}

fn start(kind: CardKind) -> (ClientHandshake, Vec<u8>) {
    ClientHandshake::start(&card(kind), &introduction("alice", "laptop"), &secret(0x33)).unwrap()
}

fn open(body: &[u8]) -> Result<Introduced, DoesNotOpen> {
    Knock::read(body).unwrap().open(&server(), &secret(0x22), AUTHORITY)
}

fn keyid() -> KeyId {
    KeyId::from_random([5; 16])
}

fn accept(introduced: Introduced, answers: Answers) -> Accepted {
    let grant = Grant { keyid: &keyid(), s_rand: secret(0x51), now: NOW, answers };
    introduced.accept(&grant, &secret(0x44)).unwrap()
}

/// What a client that keeps no rule of ours writes.
fn knock_with(payload: &[u8]) -> Introduced {
    let prologue = Purpose::Enrol(TICKET).prologue(AUTHORITY);
    let mut handshake = Handshake::initiator(&public_key(&server()), &secret(0x22), &prologue).unwrap();
    let message = handshake.write(payload, &secret(0x33)).unwrap();
    open(&[[2].as_slice(), &[7; 8], &message].concat()).unwrap()
}

#[test]
fn both_sides_agree_on_the_root_and_on_what_the_server_granted() {
    for answers in [Answers::AllSigned, Answers::RefusalsOnly] {
        let (client, body) = start(TICKET);
        let accepted = accept(open(&body).unwrap(), answers);
        let enrolled = client.finish(&accepted.response).unwrap();
        assert_eq!(enrolled.root.secret().expose(), accepted.root.secret().expose());
        assert_eq!((enrolled.keyid, enrolled.server_time, enrolled.answers), (keyid(), NOW, answers));
    }
}

#[test]
fn a_message_with_any_octet_changed_or_cut_does_not_open() {
    let (_, body) = start(TICKET);
    for place in 9..body.len() {
        let mut changed = body.clone();
        changed[place] ^= 1;
        assert_eq!(open(&changed).unwrap_err(), DoesNotOpen, "octet {place}");
    }
    assert_eq!(open(&body[..body.len() - 1]).unwrap_err(), DoesNotOpen);
    assert_eq!(open(&[body.as_slice(), &[0]].concat()).unwrap_err(), DoesNotOpen);
}

#[test]
fn a_message_opens_for_its_own_ticket_psk_server_and_authority_only() {
    let (_, body) = start(TICKET);
    let knock = Knock::read(&body).unwrap();
    assert!(knock.open(&server(), &secret(0x22), AUTHORITY).is_ok());
    assert!(knock.open(&server(), &secret(0x23), AUTHORITY).is_err(), "another psk");
    assert!(knock.open(&secret(0x12), &secret(0x22), AUTHORITY).is_err(), "another server");
    assert!(knock.open(&server(), &secret(0x22), "api.example.org").is_err(), "another authority");
    let decoy = decoy_psk(&MacKey::new(&secret(9)), knock.kind());
    assert!(knock.open(&server(), &decoy, AUTHORITY).is_err(), "an unknown ticket");
    let mut relabelled = body.clone();
    relabelled[1] ^= 1;
    assert!(open(&relabelled).is_err(), "another ticket id with the same psk");
    let as_group = [[1].as_slice(), &[0; 8], &body[9..]].concat();
    assert!(open(&as_group).is_err(), "as a group card with the same psk");
}

#[test]
fn a_body_is_read_strictly_and_to_its_limit() {
    let (_, body) = start(CardKind::Group);
    assert!(Knock::read(&body).is_ok());
    for length in 0..9 + SHORTEST_MESSAGE {
        assert_eq!(Knock::read(&body[..length]).unwrap_err(), Malformed, "{length} octets");
    }
    for kind in [0, 5, 255] {
        assert!(Knock::read(&[[kind].as_slice(), &body[1..]].concat()).is_err(), "type {kind}");
    }
    let group_with_an_id = [[1].as_slice(), &[0, 0, 0, 0, 0, 0, 0, 1], &body[9..]].concat();
    assert!(Knock::read(&group_with_an_id).is_err());
    let filled = |length| [[1].as_slice(), &vec![0; length - 1]].concat();
    assert!(Knock::read(&filled(MAX_BODY)).is_ok());
    assert!(Knock::read(&filled(MAX_BODY + 1)).is_err());
}

#[test]
fn the_hash_of_a_message_is_the_same_before_and_after_it_opens_and_no_other_has_it() {
    let (_, body) = start(TICKET);
    let knock = Knock::read(&body).unwrap();
    assert_eq!(knock.message_hash(), open(&body).unwrap().message_hash());
    let (_, other) = ClientHandshake::start(&card(TICKET), &introduction("alice", "laptop"), &secret(0x34)).unwrap();
    assert_ne!(knock.message_hash(), Knock::read(&other).unwrap().message_hash());
}

#[test]
fn a_claim_gives_the_canonical_name() {
    let (_, body) = ClientHandshake::start(&card(TICKET), &introduction("Alice", ""), &secret(0x33)).unwrap();
    let claim = open(&body).unwrap().claim(NOW).unwrap();
    assert_eq!((claim.username.as_str(), claim.device.as_str(), claim.client_time), ("alice", "", NOW));
}

#[test]
fn a_name_that_is_none_is_refused_inside_the_handshake() {
    for name in ["admin", "\u{ff41}lice", "\u{430}lice", "al ice", "alice."] {
        let (client, body) = ClientHandshake::start(&card(TICKET), &introduction(name, ""), &secret(0x33)).unwrap();
        let introduced = open(&body).unwrap();
        assert_eq!(introduced.claim(NOW).unwrap_err(), EnrolRefusal::Unprocessable, "{name}");
        let response = introduced.refuse(EnrolRefusal::Unprocessable, &secret(0x44)).unwrap();
        assert_eq!(client.finish(&response).unwrap_err(), EnrolError::Refused(EnrolRefusal::Unprocessable));
    }
}

#[test]
fn a_payload_that_is_not_laid_out_as_it_should_be_cannot_be_accepted_but_refused() {
    let said = |username: &[u8], device: &[u8]| {
        let mut payload = Vec::new();
        crate::encoding::put_lp(&mut payload, username);
        crate::encoding::put_lp(&mut payload, device);
        [payload.as_slice(), &[0xc1; 32], &NOW.as_millis().to_be_bytes()].concat()
    };
    let good = said(b"alice", b"laptop");
    assert!(knock_with(&good).claim(NOW).is_ok());
    assert!(knock_with(&said(b"alice", &[b'x'; MAX_DEVICE])).claim(NOW).is_ok());
    for bad in [
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        said(b"alice", &[b'x'; MAX_DEVICE + 1]),
        said(b"alice", b"lap\ntop"),
        said(b"alice", "lap\u{85}top".as_bytes()),
        said(b"alice", b"\xff"),
        said(b"\xff", b"laptop"),
        said(b"", b"laptop"),
        said(&[b'a'; 256], b"laptop"),
    ] {
        assert_eq!(knock_with(&bad).claim(NOW).unwrap_err(), EnrolRefusal::Unprocessable, "{bad:?}");
        assert!(knock_with(&bad).refuse(EnrolRefusal::Unprocessable, &secret(0x44)).is_ok());
    }
    let keyid = keyid();
    let grant = Grant { keyid: &keyid, s_rand: secret(0x51), now: NOW, answers: Answers::AllSigned };
    assert!(knock_with(&[]).accept(&grant, &secret(0x44)).is_err());
}

#[test]
fn the_clock_of_a_client_may_be_a_day_off_and_no_more() {
    let day = TIME_TOLERANCE;
    let millisecond = Duration::from_millis(1);
    for (client, near) in [
        (NOW, true),
        (NOW.saturating_add(day), true),
        (NOW.saturating_sub(day), true),
        (NOW.saturating_add(day + millisecond), false),
        (NOW.saturating_sub(day + millisecond), false),
        (Timestamp::from_millis(0), false),
        (Timestamp::from_millis(u64::MAX), false),
    ] {
        assert_eq!(within_a_day(client, NOW), near, "{client:?}");
    }
    // The introduction says NOW.
    let judged_at = |now| open(&start(TICKET).1).unwrap().claim(now).map(|_| ());
    assert_eq!(judged_at(NOW.saturating_add(day)), Ok(()));
    assert_eq!(judged_at(NOW.saturating_sub(day)), Ok(()));
    assert_eq!(judged_at(NOW.saturating_add(day + millisecond)), Err(EnrolRefusal::Unprocessable));
    assert_eq!(judged_at(NOW.saturating_sub(day + millisecond)), Err(EnrolRefusal::Unprocessable));
}

#[test]
fn a_message_is_not_taken_any_more_when_its_hash_may_be_forgotten() {
    let a_day_behind = NOW.saturating_sub(TIME_TOLERANCE);
    for arrival in [a_day_behind, NOW, NOW.saturating_add(TIME_TOLERANCE)] {
        let forgotten_after = open(&start(TICKET).1).unwrap().claim(arrival).unwrap().remember_until();
        assert!(open(&start(TICKET).1).unwrap().claim(forgotten_after).is_ok());
        let later = forgotten_after.saturating_add(Duration::from_millis(1));
        assert_eq!(open(&start(TICKET).1).unwrap().claim(later), Err(EnrolRefusal::Unprocessable));
    }
}

#[test]
fn an_answer_with_any_octet_changed_is_not_our_servers() {
    let (_, body) = start(TICKET);
    let response = accept(open(&body).unwrap(), Answers::AllSigned).response;
    for place in 0..response.len() {
        let mut changed = response.clone();
        changed[place] ^= 1;
        let (client, _) = start(TICKET);
        assert_eq!(client.finish(&changed).unwrap_err(), EnrolError::NotOurServer, "octet {place}");
    }
    for other in [Vec::new(), response[..response.len() - 1].to_vec(), vec![0; MAX_BODY + 1], vec![0; 70_000]] {
        let (client, _) = start(TICKET);
        assert_eq!(client.finish(&other).unwrap_err(), EnrolError::NotOurServer);
    }
}

#[test]
fn whoever_holds_the_same_card_can_neither_answer_for_the_server_nor_learn_the_root() {
    let (client, body) = start(CardKind::Group);
    // A member of the group knows the psk, not the server's private key: with one of their own nothing opens.
    assert!(Knock::read(&body).unwrap().open(&secret(0x66), &secret(0x22), AUTHORITY).is_err());
    // And an answer to a handshake with that key of theirs is not taken for the server's.
    let theirs = Card::new(CardKind::Group, secret(0x22), public_key(&secret(0x66)), AUTHORITY).unwrap();
    let (_, body) = ClientHandshake::start(&theirs, &introduction("alice", ""), &secret(0x33)).unwrap();
    let forged = Knock::read(&body).unwrap().open(&secret(0x66), &secret(0x22), AUTHORITY).unwrap();
    let forged = accept(forged, Answers::AllSigned);
    assert_eq!(client.finish(&forged.response).unwrap_err(), EnrolError::NotOurServer);
}

#[test]
fn an_answer_belongs_to_one_handshake() {
    let (_, body) = start(TICKET);
    let response = accept(open(&body).unwrap(), Answers::AllSigned).response;
    let (other, _) = ClientHandshake::start(&card(TICKET), &introduction("alice", "laptop"), &secret(0x35)).unwrap();
    assert_eq!(other.finish(&response).unwrap_err(), EnrolError::NotOurServer);
}

#[test]
fn an_answer_in_unknown_words_is_told_from_a_forged_one() {
    let granted =
        FromServer::Granted { keyid: keyid(), s_rand: secret(0x51), server_time: NOW, answers: Answers::AllSigned };
    let granted = granted.write();
    let cut = &granted[..granted.len() - 1];
    let other_answers = [cut, &[2]].concat();
    let trailing = [granted.as_slice(), &[0]].concat();
    let trailing_refusal = [FromServer::Refused(EnrolRefusal::Conflict).write().as_slice(), &[0]].concat();
    for payload in [
        b"".as_slice(),
        &[1],
        &[2],
        b"\x01\0\0\0\x03new",
        b"\0\0\0\0\x01k",
        cut,
        &other_answers,
        &trailing,
        &trailing_refusal,
    ] {
        let (client, body) = start(TICKET);
        let mut introduced = open(&body).unwrap();
        let response = introduced.handshake.write(payload, &secret(0x44)).unwrap();
        assert_eq!(client.finish(&response).unwrap_err(), EnrolError::NotUnderstood, "{payload:?}");
    }
}

#[test]
fn every_refusal_reaches_the_client_as_it_was_meant() {
    for refusal in [EnrolRefusal::Conflict, EnrolRefusal::TicketUsed, EnrolRefusal::Unprocessable] {
        let (client, body) = start(TICKET);
        let response = open(&body).unwrap().refuse(refusal, &secret(0x44)).unwrap();
        assert_eq!(client.finish(&response).unwrap_err(), EnrolError::Refused(refusal));
    }
}

#[test]
fn a_client_does_not_send_what_the_server_would_not_take() {
    let start = |username: &str, device: &str| {
        ClientHandshake::start(&card(TICKET), &introduction(username, device), &secret(0x33)).map(|_| ()).unwrap_err()
    };
    assert_eq!(start("", "laptop"), BadIntroduction::NameLength);
    assert_eq!(start(&"a".repeat(256), "laptop"), BadIntroduction::NameLength);
    assert_eq!(start("alice", &"x".repeat(65)), BadIntroduction::Device);
    assert_eq!(start("alice", "lap\ttop"), BadIntroduction::Device);
}

#[test]
fn a_server_key_of_small_order_is_no_server_key() {
    for order in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let card = Card::new(TICKET, secret(0x22), order, AUTHORITY).unwrap();
        let started = ClientHandshake::start(&card, &introduction("alice", ""), &secret(0x33));
        assert_eq!(started.map(|_| ()).unwrap_err(), BadIntroduction::ServerKey);
    }
}

#[test]
fn randomness_is_used_once_and_never_invented() {
    let prologue = Purpose::Enrol(TICKET).prologue(AUTHORITY);
    let mut handshake = Handshake::initiator(&public_key(&server()), &secret(0x22), &prologue).unwrap();
    handshake.write(b"", &secret(0x33)).unwrap();
    assert_eq!(handshake.write(b"", &secret(0x34)).unwrap_err(), HandshakeFailed, "there is one message of the client");
    // The first 32 octets of a message are the public half of what was given, so nothing else was mixed in.
    let (_, body) = start(TICKET);
    assert_eq!(body[9..41], public_key(&secret(0x33)));
}

fn rotation(keyid: &KeyId, root: u8) -> (ClientHandshake, Vec<u8>) {
    let root = Root::new(secret(root));
    let server = (&public_key(&server()), AUTHORITY);
    ClientHandshake::rotate((keyid, &root), server, &introduction("", "laptop"), &secret(0x33)).unwrap()
}

#[test]
fn the_rotation_of_one_key_opens_under_no_other_and_nowhere_else() {
    let (one, other) = (keyid(), KeyId::from_random([6; 16]));
    let (_, body) = rotation(&one, 1);
    let open = |keyid: &KeyId, root, authority| {
        let psk = rotate_psk(keyid, &Root::new(secret(root)));
        Message::of_key(keyid, &body).unwrap().open(&server(), &psk, authority)
    };
    assert!(open(&one, 1, AUTHORITY).is_ok());
    assert!(open(&other, 1, AUTHORITY).is_err(), "another key");
    assert!(open(&one, 2, AUTHORITY).is_err(), "another root");
    assert!(open(&one, 1, "api.example.org").is_err(), "another authority");
    let as_card = [[2].as_slice(), &[7; 8], &body].concat();
    let psk = rotate_psk(&one, &Root::new(secret(1)));
    assert!(Knock::read(&as_card).unwrap().open(&server(), &psk, AUTHORITY).is_err(), "as an enrolment");
    assert_ne!(Message::of_key(&one, &body).unwrap().hash(), Message::of_key(&other, &body).unwrap().hash());
}

#[test]
fn whoever_is_a_user_already_names_nobody() {
    let alice: Username = "alice".parse().unwrap();
    let (_, body) = start(TICKET);
    assert_eq!(open(&body).unwrap().claim_as(&alice, NOW).unwrap_err(), EnrolRefusal::Unprocessable);
    let recovery = CardKind::Recovery(TicketId([7; 8]));
    let (_, body) = ClientHandshake::start(&card(recovery), &introduction("", ""), &secret(0x33)).unwrap();
    let introduced = open(&body).unwrap();
    assert_eq!(introduced.claim_as(&alice, NOW).unwrap().username, alice);
    let late = NOW.saturating_add(TIME_TOLERANCE).saturating_add(Duration::from_millis(1));
    assert_eq!(introduced.claim_as(&alice, late).unwrap_err(), EnrolRefusal::Unprocessable);
    assert_eq!(introduced.claim(NOW).unwrap_err(), EnrolRefusal::Unprocessable, "and gets no new name by that");
}

#[test]
fn a_message_for_a_rotation_is_read_to_its_limits() {
    for (length, fits) in [(0, false), (SHORTEST_MESSAGE - 1, false), (SHORTEST_MESSAGE, true), (MAX_BODY, true)] {
        assert_eq!(Message::of_key(&keyid(), &vec![0; length]).is_ok(), fits, "{length}");
    }
    assert!(Message::of_key(&keyid(), &vec![0; MAX_BODY + 1]).is_err());
}
