use super::super::desk::Desk;
use super::super::verifier::VerifierSource;
use super::super::written::WrittenVerifier;

pub(super) fn check(desk: &mut Desk<'_>, written: &[WrittenVerifier]) -> Vec<VerifierSource> {
    let mut verifiers: Vec<VerifierSource> = Vec::new();
    for (index, one) in written.iter().enumerate() {
        let at = format!("verifier[{index}]");
        for (field, value) in [("id", &one.id), ("secret_file", &one.secret_file)] {
            if value.is_none() {
                desk.wrong(&format!("{at}.{field}"), None, "it is missing");
            }
        }
        let id = desk.optional(&format!("{at}.id"), one.id.as_deref());
        let secret = desk.file(&format!("{at}.secret_file"), one.secret_file.as_deref());
        let (Some(id), Some(secret)) = (id, secret) else { continue };
        if verifiers.iter().any(|other| other.id == id) {
            desk.contradiction(&format!("{at}.id"), "stands for two verifiers; give one of them another name");
        }
        if verifiers.iter().any(|other| other.secret == secret) {
            let sentence =
                "is the secret of two verifiers, so that neither can lose it without the other; make one for each";
            desk.contradiction(&format!("{at}.secret_file"), sentence);
        }
        verifiers.push(VerifierSource { id, secret });
    }
    verifiers
}
