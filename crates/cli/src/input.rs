//! Values that are given on the command line or in a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use countersign_client::CertificateAuthorities;
use zeroize::Zeroizing;

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

fn stdin() -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    std::io::stdin().lock().read_to_end(&mut octets)?;
    Ok(octets)
}
