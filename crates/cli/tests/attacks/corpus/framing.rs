//! Table A against both listeners of a guard. What it means for a bare listener is tested there; here it is shown that
//! nothing stands between it and the network, and that no row gets past the guard behind it.

use std::net::SocketAddr;

use futures_util::stream::{self, StreamExt as _};

use crate::framing_table::{Row, octets, rows};
use crate::support::guard::Running;
use crate::support::upstream::Api;
use crate::support::wire::Wire;

/// Sends the octets of a row; what comes back must be what the table says, and nothing after it.
async fn attack(address: SocketAddr, row: &Row, answers: &[u16]) {
    let context = format!("{} ({})", row.id, row.why);
    let mut wire = Wire::connect(address).await;
    wire.send(&octets(&row.raw)).await;
    let mut last = None;
    for status in answers {
        let answer = wire.any_answer(false).await.unwrap_or_else(|| panic!("{context}: no answer"));
        assert_eq!(answer.status, *status, "{context}: {answer}");
        last = Some(answer.code());
    }
    let as_a_bare_listener = row.answers.as_deref() == Some(answers);
    if let (Some(code), true) = (&row.code, as_a_bare_listener) {
        assert_eq!(last, Some(code.as_str()), "{context}");
    }
    let rest = if row.close && as_a_bare_listener { wire.rest().await } else { wire.silence().await };
    assert_eq!(String::from_utf8_lossy(&rest), "", "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_on_framing_is_answered_by_both_listeners_as_the_table_says() {
    if !crate::TRANSPORT.has_octets() {
        return;
    }
    let api = Api::content().await;
    let guard =
        Running::before(api.address, "authorities = [\"a\"]\n[limits]\nhead_seconds = 1\nbody_seconds = 1").await;
    let rows = rows();
    let attacks = rows.iter().flat_map(|row| {
        let main = row.main.as_ref().or(row.answers.as_ref()).unwrap();
        let admin = row.admin.as_ref().or(row.answers.as_ref()).unwrap();
        [attack(guard.address, row, main), attack(guard.admin, row, admin)]
    });
    // Some at a time: all at once, on a busy machine, would not greet each other within the second that a head may take.
    stream::iter(attacks.collect::<Vec<_>>()).buffer_unordered(12).collect::<()>().await;
    assert!(api.heard().is_empty(), "{:?}", api.heard());
}
