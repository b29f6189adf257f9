use countersign_core::encoding::unhex;
use countersign_core::secret::{KeyEncryptionKey, KeyEncryptionKeys, Secret32, WeakKek};
use zeroize::Zeroizing;

use super::super::desk::Desk;
use super::super::secret::{KekSource, SecretText, SeedKeySource};
use super::super::written::Written;

pub(super) fn seed_mode(desk: &mut Desk<'_>, written: &Written, dangers: &mut Vec<String>) -> Option<SeedKeySource> {
    let on = written.danger_seed_mode == Some(true);
    let file = desk.file("seed_shared_key_file", written.seed_shared_key_file.as_deref());
    let given = written.seed_shared_key.as_ref().map(|key| (key, hex32(key.expose())));
    if let Some((_, None)) = given {
        desk.wrong("seed_shared_key", None, "it is something else");
    }
    let given = given.and_then(|(_, key)| key);
    match (written.seed_shared_key.is_some(), written.seed_shared_key_file.is_some(), on) {
        (true, true, _) => {
            desk.contradiction("seed_shared_key_file", "stands beside `seed_shared_key`; leave one of them out")
        }
        (false, false, true) => {
            desk.contradiction("danger_seed_mode", "needs `seed_shared_key` or `seed_shared_key_file`; set one of them")
        }
        (true, false, false) => desk
            .contradiction("seed_shared_key", "has a use with `danger_seed_mode = true` only; say so, or leave it out"),
        (false, true, false) => desk.contradiction(
            "seed_shared_key_file",
            "has a use with `danger_seed_mode = true` only; say so, or leave it out",
        ),
        (false, false, false) | (true, false, true) | (false, true, true) => {}
    }
    if on {
        dangers.push(
            "danger_seed_mode: whoever knows the shared key and records a registration knows that user's key"
                .to_owned(),
        );
    }
    if given.as_ref().is_some_and(is_published) {
        dangers.push("seed_shared_key: this key stands in the documentation, so everybody knows it".to_owned());
    }
    given.map(SeedKeySource::Given).or(file.map(SeedKeySource::File)).filter(|_| on)
}

/// Whether a key is one that the server would not take for itself.
fn is_published(key: &Secret32) -> bool {
    KeyEncryptionKey::from_octets(1, key.expose()).is_err_and(|weak| weak == WeakKek::Example)
}

fn hex32(text: &str) -> Option<Secret32> {
    let octets = Zeroizing::new(unhex(&Zeroizing::new(text.to_ascii_lowercase()))?);
    octets.as_slice().try_into().map(Secret32::new).ok()
}

pub(super) fn kek(desk: &mut Desk<'_>, written: &Written, variable: Option<&SecretText>) -> KekSource {
    let file = desk.file("kek_file", written.kek_file.as_deref());
    let Some(text) = variable else { return file.map_or(KekSource::DataDirectory, KekSource::File) };
    if file.is_some() {
        desk.contradiction("kek_file", "stands beside COUNTERSIGN_KEK; unset one of them");
    }
    match KeyEncryptionKeys::from_text(text.expose()) {
        Ok(keys) => return KekSource::Environment(keys),
        Err(why) => desk.variable(
            "COUNTERSIGN_KEK",
            &format!("holds no key-encryption key: {why}; make one with `openssl rand -hex 32`, or put yours back"),
        ),
    }
    KekSource::DataDirectory
}
