//! Table B: changes to a good signed request.

mod row;

use countersign_core::secret::{Root, Secret32};
use countersign_server::edge;
use countersign_server::service::control::{DisableUser, RevokeKey};

use crate::support::guard::Running;
use crate::support::signing::{Draft, Key, Sent};
use crate::support::upstream::Api;
use crate::support::wire::{Answer, Wire, ask};
use row::{Row, Text};

/// A guard, the keys of the table, and the API behind.
struct Stage {
    api: Api,
    guard: Running,
    alice: Key,
    bob: Key,
    carol: Key,
    dave: Key,
}

/// Outcomes are not kept: the table sends one key again and again, and what reaches the API is to be seen each time.
const CONFIGURATION: &str = "authorities = [\"a\"]\n[[route]]\npath = \"/\"\nkeep_outcomes = false\n\
    [[route]]\npath = \"/raw\"\nraw_path = true\nkeep_outcomes = false";

impl Stage {
    async fn set() -> Self {
        let api = Api::content().await;
        let guard = Running::before(api.address, CONFIGURATION).await;
        let (alice, bob) = (guard.service("alice").await, guard.service("bob").await);
        let (carol, dave) = (guard.service("carol").await, guard.service("dave").await);
        guard.operate(RevokeKey { keyid: carol.keyid.clone() }).await;
        guard.operate(DisableUser { username: "dave".to_owned() }).await;
        Self { api, guard, alice, bob, carol, dave }
    }

    fn signer(&self, name: &str) -> Key {
        match name {
            "alice" => self.alice.clone(),
            "bob" => self.bob.clone(),
            "carol" => self.carol.clone(),
            "dave" => self.dave.clone(),
            "nobody" => Key::new("knobodyhasthisnameatall00", Root::new(Secret32::new(edge::random()))),
            "s2c" => {
                let mut key = self.alice.clone();
                std::mem::swap(&mut key.keys.c2s, &mut key.keys.s2c);
                key
            }
            other => panic!("nobody is called {other}"),
        }
    }

    /// The good request of this key with this nonce.
    fn good(&self, key: &Key, nonce: &str) -> Draft {
        let draft = self.guard.draft("POST", "/v1/transfers?dry=0", key).with("Content-Type", "application/json");
        let mut draft = draft.with("Idempotency-Key", "\"0f3c9a52\"").with("User-Agent", "corpus");
        draft.nonce = nonce.to_owned();
        draft.with_body(b"{\"amount\":25,\"to\":\"bob\"}")
    }

    /// Whether the answer is signed for `sent`, by whoever has to.
    fn assert_signed(&self, row: &Row, signer: &Key, sent: &Sent, answer: &Answer) {
        let one_of_several = row.signers.is_none() && row.answers.len() > 1;
        let signed = if one_of_several && answer.status != 401 { Some("no") } else { row.signed.as_deref() };
        let s2c = match signed.unwrap_or("key") {
            "no" => {
                assert_eq!(answer.field("signature"), None, "{}: {answer}", row.id);
                return;
            }
            "key" if row.signers.as_ref().is_some_and(|signers| signers.contains(&"s2c".to_owned())) => {
                self.alice.keys.s2c.clone()
            }
            "key" => signer.keys.s2c.clone(),
            "decoy" => {
                let keyid = unescaped(&sent.as_received().map_or(sent.keyid.clone(), |sent| sent.keyid));
                Root::decoy(&self.guard.app.accounts.secrets.decoy, &keyid).key_pair(&keyid).s2c
            }
            name => self.signer(name).keys.s2c,
        };
        // After a change, the answer has to fit what arrived.
        let received = || sent.as_received().map_or(Err("unreadable".to_owned()), |sent| sent.verify(&s2c, answer));
        let verified = sent.verify(&s2c, answer).or_else(|_| received());
        assert!(verified.is_ok(), "{}: {}\n{}\n{answer}", row.id, verified.unwrap_err(), sent.head);
    }
}

/// What an sf-string stands for (RFC 9651 §3.3.3).
fn unescaped(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_on_signed_requests_is_answered_as_the_table_says() {
    let stage = Stage::set().await;
    let rows: Vec<Row> = super::rows("b-signed.toml");
    let speaks_http_2 = !crate::TRANSPORT.has_octets();
    let shown = |row: &&Row| row.later.is_none() && row.test.is_none() && (row.http2.is_none() || !speaks_http_2);
    let mut unsaid = Vec::new();
    for row in rows.iter().filter(shown) {
        let before = stage.guard.tables().await;
        let sent = match &row.flip {
            Some(flip) => flipped(&stage, row, flip).await,
            None => {
                let none = [String::new()];
                let mut sent = 0;
                for each in row.each.as_deref().unwrap_or(&none) {
                    sent += usize::from(attack(&stage, row, each).await);
                }
                sent
            }
        };
        if sent == 0 {
            unsaid.push(&row.id);
        }
        // A refusal that is told to the key's holder can be an event; what was not authentic leaves no trace.
        if !row.uses_nonce() && row.code.as_deref() != Some("clock-skew") {
            assert_eq!(before, stage.guard.tables().await, "{}: something was stored", row.id);
        }
    }
    assert!(unsaid.is_empty(), "nothing of these can be sent; say in the table why: {unsaid:?}");
}

/// Sends a row once for each of its signers, and looks at what has come of it. `false` if it cannot be sent.
async fn attack(stage: &Stage, row: &Row, each: &str) -> bool {
    let alice = ["alice".to_owned()];
    let signers = row.signers.as_deref().unwrap_or(&alice);
    let nonce = crate::support::signing::fresh_nonce();
    let mut wire = Wire::connect(stage.guard.address).await;
    let mut last = None;
    let context = format!("{} {each:?}", row.id);
    for (name, status) in signers.iter().zip(&row.answers) {
        let signer = stage.signer(name);
        let text = Text { guard: &stage.guard, each, bob: &stage.bob, good: &stage.good(&signer, &nonce) };
        let sent = row.finish(&text, row.draft(&text).sign(&signer));
        if !crate::TRANSPORT.can_say(&sent.head) {
            return false;
        }
        wire.send(&sent.octets()).await;
        let answer = wire.any_answer(false).await.unwrap_or_else(|| panic!("{context}: no answer to {}", sent.head));
        assert!(row.answers.contains(&answer.status), "{context}: {answer}\n{}", sent.head);
        if row.answers.len() == signers.len() {
            assert_eq!(answer.status, *status, "{context}: {answer}\n{}", sent.head);
        }
        last = Some((signer, sent, answer));
    }
    let (signer, sent, answer) = last.unwrap();
    if let Some(code) = &row.code {
        assert_eq!(answer.code(), code, "{context}: {answer}");
    }
    stage.assert_signed(row, &signer, &sent, &answer);
    aftermath(stage, row, (&context, each), &stage.good(&stage.alice, &nonce)).await;
    true
}

/// What the API has heard, and whether the nonce is still good.
async fn aftermath(stage: &Stage, row: &Row, (context, each): (&str, &str), good: &Draft) {
    let heard = stage.api.take();
    let served = row.answers.iter().filter(|status| **status == 200).count();
    assert_eq!(heard.len(), served, "{context}: {heard:?}");
    for request in &heard {
        let text = Text { guard: &stage.guard, each, bob: &stage.bob, good };
        let octets = format!("{}{}", request.head, String::from_utf8_lossy(&request.body));
        for wanted in row.heard.iter().map(|wanted| text.of(wanted)) {
            assert!(octets.contains(&wanted), "{context}: {wanted:?} is not in {octets}");
        }
        for unwanted in &row.unheard {
            assert!(!octets.contains(unwanted), "{context}: {unwanted:?} is in {octets}");
        }
    }
    let unchanged = good.sign(&stage.alice);
    let answer = ask(stage.guard.address, &unchanged.octets()).await;
    unchanged.assert_answered(&stage.alice.keys.s2c, &answer);
    if row.uses_nonce() {
        assert_eq!((answer.status, answer.code()), (401, "replayed"), "{context}");
    } else {
        assert_eq!(answer.status, 200, "{context}: the nonce was used up: {answer}");
        assert_eq!(stage.api.take().len(), 1, "{context}");
    }
}

/// Each octet of a part of the request in turn, changed in one bit and then in another.
async fn flipped(stage: &Stage, row: &Row, part: &str) -> usize {
    let probe = stage.good(&stage.alice, &crate::support::signing::fresh_nonce());
    let length = Text { guard: &stage.guard, each: "", bob: &stage.bob, good: &probe }.of(part).len();
    let length = if part == "{signature}" { 44 } else { length };
    assert!(length > 0);
    let mut sent = 0;
    for (place, bit) in (0..length).flat_map(|place| [(place, 1), (place, 2)]) {
        sent += usize::from(attack(stage, row, &format!("{place} {bit}")).await);
    }
    sent
}
