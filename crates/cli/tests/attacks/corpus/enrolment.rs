//! Table C: attacks on enrolment, step by step.

use countersign_core::encoding::hex;
use countersign_core::enrolment::{Card, CardKind};
use countersign_core::secret::{MacKey, Root, Secret32};
use countersign_server::edge;
use countersign_server::service::control::{DeleteUser, DisableUser, InviteKind, RevokeTicket, RotateGroup};
use serde::Deserialize;

use crate::framing_table::written_out;
use crate::support::guard::Running;
use crate::support::knock::{Knocker, Refused, enrol, post};
use crate::support::signing::{Draft, Key};
use crate::support::wire::{Answer, ask};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    #[expect(dead_code, reason = "for whoever reads the table")]
    why: String,
    each: Option<Vec<String>>,
    #[serde(default)]
    steps: Vec<[String; 2]>,
    test: Option<String>,
    later: Option<String>,
}

/// The shared key of the seed mode.
const SHARED: [u8; 32] = [0x5e; 32];

/// One row on its way.
struct Play<'a> {
    guard: &'a Running,
    /// Names and sources are the row's own.
    id: String,
    source: u8,
    card: Option<Card>,
    knocker: Option<Knocker>,
    first_answer: Vec<u8>,
    key: Option<Key>,
    registration: Vec<u8>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_on_enrolment_ends_as_the_table_says() {
    let toml = format!("danger_seed_mode = true\nseed_shared_key = \"{}\"", hex(&SHARED));
    let guard = Running::start(&toml).await;
    let rows: Vec<Row> = super::rows("c-enrolment.toml");
    let none = [String::new()];
    let mut source = 1;
    for row in rows.iter().filter(|row| row.later.is_none() && row.test.is_none()) {
        for (index, each) in row.each.as_deref().unwrap_or(&none).iter().enumerate() {
            source += 1;
            let id = format!("{}-{index}", row.id.to_lowercase());
            let mut play = Play::new(&guard, &id, source);
            for [step, outcome] in &row.steps {
                let step = play.text(&step.replace("{each}", each));
                let came = play.step(&step).await;
                assert_eq!(came, *outcome, "{} {each:?}: {step}", row.id);
            }
        }
    }
}

impl<'a> Play<'a> {
    fn new(guard: &'a Running, id: &str, source: u8) -> Self {
        Self {
            guard,
            id: id.to_owned(),
            source,
            card: None,
            knocker: None,
            first_answer: Vec::new(),
            key: None,
            registration: Vec::new(),
        }
    }

    fn text(&self, text: &str) -> String {
        let nonce = edge::random::<32>();
        let mut text = text.replace("{id}", &self.id).replace("{ID}", &self.id.to_uppercase());
        text = text.replace("{nonce}", &hex(&nonce)).replace("{NONCE}", &hex(&nonce).to_uppercase());
        while let Some((before, after)) = text.clone().split_once("{mac of ") {
            let (name, after) = after.split_once('}').unwrap();
            text = format!("{before}{}{after}", hex(&mac(name, &nonce)));
        }
        written_out(&text)
    }

    async fn step(&mut self, step: &str) -> String {
        let (verb, of) = step.split_once(' ').unwrap_or((step, ""));
        match (verb, of) {
            ("card", "group") => self.take(InviteKind::Group).await,
            ("card", "ticket") => self.take(InviteKind::Ticket).await,
            ("rotate", _) => drop(self.guard.operate(RotateGroup {}).await),
            ("revoke", _) => self.guard.operate(RevokeTicket { ticket: self.ticket() }).await,
            ("disable", name) => self.guard.operate(DisableUser { username: name.to_owned() }).await,
            ("delete", name) => self.guard.operate(DeleteUser { username: name.to_owned() }).await,
            ("forget", _) => self.guard.app.accounts.forget_pending(|_| true),
            _ => return self.attempt(step).await,
        }
        String::new()
    }

    async fn attempt(&mut self, step: &str) -> String {
        let (verb, of) = step.split_once(' ').unwrap_or((step, ""));
        match (verb, of) {
            ("knock", name) => self.knock(name).await,
            ("again", _) => self.again().await,
            ("spoil", _) => self.spoil().await,
            ("confirm", _) => self.confirm().await,
            ("sign", "with psk") => self.sign_with_psk().await,
            ("seed", "again") => told(&self.post(&self.registration.clone()).await),
            ("seed", name) => self.register(name, |_| {}).await,
            ("forged", of) => self.register(of.strip_prefix("seed ").unwrap(), |mac| mac[31] ^= 1).await,
            ("json", body) => told(&self.post(&self.of_type("application/json", body.as_bytes())).await),
            ("post", of) => {
                // A type may have a parameter, after a semicolon and a space.
                let (media_type, body) = match of.split_once("; ") {
                    Some((kind, rest)) => (format!("{kind}; {}", rest.split(' ').next().unwrap()), ""),
                    None => of.split_once(' ').map(|(kind, body)| (kind.to_owned(), body)).unwrap(),
                };
                told(&self.post(&self.of_type(&media_type, body.as_bytes())).await)
            }
            ("coded", _) => {
                let octets = self.of_type("application/octet-stream\r\nContent-Encoding: gzip", &[1; 100]);
                told(&self.post(&octets).await)
            }
            _ => panic!("what is {step}?"),
        }
    }

    async fn take(&mut self, kind: InviteKind) {
        self.card = Some(self.guard.card(kind).await);
    }

    fn ticket(&self) -> String {
        match self.card.as_ref().unwrap().kind() {
            CardKind::Ticket(id) | CardKind::Recovery(id) | CardKind::Code(id) => id.to_string(),
            CardKind::Group => panic!("no ticket was taken"),
        }
    }

    fn of_type(&self, media_type: &str, body: &[u8]) -> Vec<u8> {
        post(&self.guard.authority(), media_type, body)
    }

    async fn post(&self, octets: &[u8]) -> Answer {
        enrol(self.source, self.guard.address, octets).await
    }

    async fn knock(&mut self, name: &str) -> String {
        let mut knocker = Knocker::new(self.card.as_ref().unwrap(), name).from(self.source);
        let outcome = knocker.knock(self.guard.address).await;
        self.first_answer.clone_from(&knocker.answer);
        self.knocker = Some(knocker);
        match outcome {
            Ok(key) => {
                self.key = Some(key);
                "granted".to_owned()
            }
            Err(Refused::Inside(code)) => format!("inside {code}"),
            Err(Refused::Outside(status, code)) => format!("{status} {code}"),
        }
    }

    async fn again(&self) -> String {
        let answer = self.knocker.as_ref().unwrap().send(self.guard.address).await;
        if answer.status == 200 && answer.body == self.first_answer {
            return "the same answer".to_owned();
        }
        told(&answer)
    }

    async fn spoil(&self) -> String {
        let mut octets = self.knocker.as_ref().unwrap().octets();
        *octets.last_mut().unwrap() ^= 1;
        told(&self.post(&octets).await)
    }

    async fn confirm(&self) -> String {
        let key = self.key.as_ref().unwrap();
        let sent = self.guard.draft("GET", "/api/auth/whoami", key).without_body().sign(key);
        told(&ask(self.guard.address, &sent.octets()).await)
    }

    async fn sign_with_psk(&self) -> String {
        let psk = self.card.as_ref().unwrap().psk();
        let key = Key::new("kthepskofthecardisthekey", Root::new(psk.clone()));
        let sent = self.guard.draft("GET", "/", &key).without_body();
        let by_derivation = told(&ask(self.guard.address, &sent.sign(&key).octets()).await);
        let sent = Draft { nonce: crate::support::signing::fresh_nonce(), ..sent };
        let by_itself = told(&ask(self.guard.address, &sent.sign_with(&MacKey::new(psk)).octets()).await);
        assert_eq!(by_derivation, by_itself);
        by_itself
    }

    async fn register(&mut self, name: &str, spoil: impl Fn(&mut [u8; 32])) -> String {
        let nonce = edge::random::<32>();
        let mut mac = mac(name, &nonce);
        spoil(&mut mac);
        let body = serde_json::json!({ "username": name, "nonce": hex(&nonce), "mac": hex(&mac) });
        self.registration = self.of_type("application/json", body.to_string().as_bytes());
        told(&self.post(&self.registration.clone()).await)
    }
}

fn mac(name: &str, nonce: &[u8; 32]) -> [u8; 32] {
    MacKey::new(&Secret32::new(SHARED)).mac(&[name.as_bytes(), nonce])
}

/// The status, and the code of a refusal.
fn told(answer: &Answer) -> String {
    match answer.status {
        200 => "200".to_owned(),
        status => format!("{status} {}", answer.code()),
    }
}
