//! Values that are given on the command line or in a file.

use std::io::{BufRead, IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::Context as _;
use countersign_client::CertificateAuthorities;
use zeroize::Zeroizing;

use crate::say;

/// The octets of `text`; of the file FILE when it is `@FILE`, of stdin when it is `@-`.
pub(crate) fn octets(text: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let read = match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some("-") => stdin().context("cannot read stdin"),
        Some(file) => of_file(Path::new(file)),
    };
    read.map(Zeroizing::new)
}

/// The same as text, without the line end that editors leave.
pub(crate) fn line(text: &str) -> anyhow::Result<Zeroizing<String>> {
    let octets = octets(text)?;
    let line = str::from_utf8(&octets).context("this is no text")?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

/// The octets of a file, or of stdin when it is called `-`.
pub(crate) fn of_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        return stdin().context("cannot read stdin");
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The certificate authorities in a file.
pub(crate) fn certificate_authorities(file: &Path) -> anyhow::Result<CertificateAuthorities> {
    let text = String::from_utf8(of_file(file)?).ok();
    let read = text.and_then(|text| CertificateAuthorities::from_pem(&text).ok());
    read.with_context(|| {
        format!("{} holds no certificates in PEM; name the file of the certificate authority", file.display())
    })
}

/// Asks at the terminal whether this is meant. Anything but yes is an error, and so is that there is no terminal to ask on.
pub(crate) fn confirm(question: &str) -> anyhow::Result<()> {
    anyhow::ensure!(std::io::stdin().is_terminal(), "there is no terminal to ask on; add --yes if you mean it");
    say::note(format_args!("{question} Type yes to go on:"));
    is_meant(std::io::stdin().lock())
}

/// Nothing but the whole word is a yes.
fn is_meant(answer: impl BufRead) -> anyhow::Result<()> {
    let mut line = String::new();
    answer.take(64).read_line(&mut line).context("cannot read the answer")?;
    anyhow::ensure!(line.trim() == "yes", "nothing was done");
    Ok(())
}

fn stdin() -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    std::io::stdin().lock().read_to_end(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_whole_word_is_a_yes() {
        assert!(is_meant(&b"yes\n"[..]).is_ok() && is_meant(&b" yes"[..]).is_ok());
        for answer in ["", "\n", "y\n", "no\n", "Yes\n", "yes please\n", &"yes".repeat(40)] {
            assert!(is_meant(answer.as_bytes()).is_err(), "{answer:?}");
        }
    }
}
