//! Values that are given on the command line or in a file.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
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

/// Whether somebody at the terminal says yes to this. Without a terminal nobody can be asked, which is an error.
pub(crate) fn confirmed(question: &str) -> anyhow::Result<bool> {
    anyhow::ensure!(std::io::stdin().is_terminal(), "there is no terminal to ask on; add --yes if you mean it");
    say::note(format_args!("{question} Type yes to go on:"));
    let mut line = String::new();
    std::io::stdin().lock().take(64).read_line(&mut line).context("cannot read the answer")?;
    Ok(line.trim() == "yes")
}

fn stdin() -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    std::io::stdin().lock().read_to_end(&mut octets)?;
    Ok(octets)
}
