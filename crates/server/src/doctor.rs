//! What `countersign doctor` looks at, as data: each finding says what is so, how bad it is, and what to do.

use core::time::Duration;
use std::collections::BTreeMap;
use std::error::Error;

use countersign_core::time::Timestamp;
use rustls::crypto::aws_lc_rs::default_provider;

use crate::config::{Config, ConfigError, Loaded, PublicUrl};
use crate::data::{DataDir, DataError, Lock, LockError, find_kek};
use crate::http::peer::ClientIpSource;
use crate::service::control::Examination;
use crate::telemetry::chain;
use crate::tls::{Certificate, Health, Pair};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, or it is not safe.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is so, as a sentence.
    pub what: String,
    /// What to do; empty when there is nothing to do, or `what` says it already.
    pub remedy: String,
}

impl Finding {
    fn good(what: impl Into<String>) -> Self {
        Self { severity: Severity::Good, what: what.into(), remedy: String::new() }
    }

    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, what: what.into(), remedy: remedy.into() }
    }

    /// Something that could not be done.
    pub fn fault(error: &dyn Error) -> Self {
        Self { severity: Severity::Fault, what: chain(error), remedy: String::new() }
    }
}

/// Whether there is a configuration to run with, and what in it deserves a second look.
pub fn configuration(outcome: &Result<Loaded, ConfigError>) -> Vec<Finding> {
    let config = match outcome {
        Ok(loaded) => &loaded.config,
        Err(error) => return vec![Finding::fault(error)],
    };
    let mut findings = vec![Finding::good("the configuration is in order")];
    let dangers = config.dangers().iter();
    findings.extend(dangers.map(|danger| Finding::warning(danger.as_str(), "switch it off unless it is meant")));
    findings.extend(names(config));
    if config.client_address.source == ClientIpSource::Peer && !config.client_address.trusted.is_empty() {
        findings.push(Finding::warning(
            "proxies are trusted, but client_ip_source is \"peer\": all clients behind a proxy share its address",
            "set client_ip_source to the field that your proxies fill",
        ));
    }
    findings
}

fn names(config: &Config) -> Option<Finding> {
    let url = config.names.public_url();
    if config.listen.ip().is_unspecified() && !config.names.public_url_is_written() {
        return Some(Finding::warning(
            format!("cards name {url}, which is no address that a client elsewhere can use"),
            "set public_url to the URL by which clients reach this server",
        ));
    }
    if config.tls.is_some() && !url.is_secure() {
        return Some(Finding::warning(
            format!("clients are told to go to {url}, and the guard speaks TLS there"),
            "set public_url to its https:// URL, unless something in front speaks plain HTTP to clients",
        ));
    }
    (!url.is_secure() && !url.is_local()).then(|| {
        Finding::warning(
            format!("clients reach this server at {url}, without TLS: nobody can alter what they say, and anybody can read it"),
            "set tls_cert and tls_key, or put a TLS terminator in front, and set public_url to the https:// URL",
        )
    })
}

/// Whether TLS can be spoken with the files that are named for it.
pub fn tls(config: &Config, now: Timestamp) -> Vec<Finding> {
    let Some(files) = &config.tls else { return Vec::new() };
    match Pair::read(files, &default_provider()) {
        Ok(pair) => certificate(pair.certificate(), config.names.public_url(), now),
        Err(error) => vec![Finding::fault(&error)],
    }
}

/// Whether a certificate is for the host by which clients reach us, and for how long.
pub fn certificate(certificate: Certificate<'_>, url: &PublicUrl, now: Timestamp) -> Vec<Finding> {
    const RENEW: &str = "renew it; a running guard takes the new files into use by itself";
    let mut findings = vec![match Health::of(certificate, now) {
        Health::Good { days } => Finding::good(format!("the certificate is valid for another {days} days")),
        Health::Ending { days } => Finding::warning(format!("the certificate ends in {days} days"), RENEW),
        Health::Ended { days } => Finding {
            severity: Severity::Fault,
            what: format!("the certificate ended {days} days ago: no client connects"),
            remedy: RENEW.to_owned(),
        },
        Health::Early => Finding {
            severity: Severity::Fault,
            what: "the certificate is not valid yet: no client connects".to_owned(),
            remedy: "look at the clock, or wait".to_owned(),
        },
        Health::Unknown => Finding::warning(
            "nobody can make out until when the certificate is valid",
            "look at it: openssl x509 -noout -dates -in <tls_cert>",
        ),
    }];
    let host = url.host();
    if !certificate.is_for(host) {
        findings.push(Finding::warning(
            format!(
                "the certificate is not for {host}, the host of public_url: clients that go there will not trust it"
            ),
            format!("get one for {host}, or set public_url to the name that it is for"),
        ));
    }
    findings
}

/// Whether the data directory and the key-encryption key are there and closed to others. Makes neither.
pub fn data_directory(config: &Config) -> Vec<Finding> {
    let directory = match DataDir::find(&config.data) {
        Ok(directory) => directory,
        Err(DataError::Missing(path)) => {
            return vec![Finding::warning(
                format!("there is no data directory {} yet", path.display()),
                "the first `countersign serve` makes it",
            )];
        }
        Err(error) => return vec![Finding::fault(&error)],
    };
    let kek = match find_kek(&directory, &config.kek) {
        Ok(Some(keys)) => {
            let version = keys.current();
            Finding::good(format!("the key-encryption key is there and closed to others (version {version})"))
        }
        Ok(None) => Finding::warning("there is no key-encryption key yet", "the first `countersign serve` makes it"),
        Err(error) => Finding::fault(&error),
    };
    vec![Finding::good(format!("the data directory {} is closed to others", config.data.display())), kek]
}

/// Who holds the data directory, by what [`DataDir::lock`] said.
pub fn lock(outcome: &Result<Lock, LockError>) -> Finding {
    match outcome {
        Ok(_) => Finding::good("no server runs on this data directory"),
        Err(held @ LockError::Held { .. }) => Finding::good(held.to_string()),
        Err(error) => Finding::fault(error),
    }
}

/// Whether the store is sound, by what the one who has it open found.
pub fn store(examination: &Examination) -> Vec<Finding> {
    let Examination { sqlite, problems, seed_mode_keys, clock_behind_ms, kek_versions, sealed_otherwise } = examination;
    let mut findings: Vec<Finding> = problems
        .iter()
        .map(|problem| Finding {
            severity: Severity::Fault,
            what: format!("the store: {problem}"),
            remedy: "stop the guard, keep a copy of the data directory, and restore a backup".to_owned(),
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::good(format!("the store is sound (SQLite {sqlite})")));
    }
    findings.extend(kek(kek_versions, sealed_otherwise));
    if let Some(behind) = clock_behind_ms {
        findings.push(Finding {
            severity: Severity::Fault,
            what: format!(
                "the clock is {} s behind what the guard has gone by before: signed requests are refused until it gets there",
                behind / 1_000
            ),
            remedy: "set the clock right; if it is right, stop the guard and run `countersign doctor --reset-clock`"
                .to_owned(),
        });
    }
    if *seed_mode_keys > 0 {
        findings.push(Finding::warning(
            format!("{seed_mode_keys} keys came by seed mode: whoever holds the shared key can compute them"),
            "ask their users to enrol again by a card, and revoke these keys (`countersign key list`)",
        ));
    }
    findings
}

/// How far an exchange of the key-encryption key has got. Nothing is said where there is none.
fn kek((current, former): &(u32, Vec<u32>), sealed_otherwise: &BTreeMap<u32, u64>) -> Vec<Finding> {
    let left = sealed_otherwise.iter().map(|(version, count)| {
        Finding::warning(
            format!("{count} secrets are still sealed under version {version} of the key-encryption key, and not under {current}"),
            "a running guard goes on by itself; where none runs, start it, or run `countersign rekey`",
        )
    });
    let left: Vec<_> = left.collect();
    if !left.is_empty() {
        return left;
    }
    let idle = former.iter().map(|version| {
        Finding::warning(
            format!("nothing is sealed under version {version} of the key-encryption key any more"),
            "keep it with the backups that are older than the exchange, and take it away here: from kek_file or \
             COUNTERSIGN_KEK by hand, from the data directory by `countersign rekey`",
        )
    });
    idle.collect()
}

/// Whether the clock of this machine can be right. One that is wrong refuses everybody as too early or too late.
pub fn clock(now: Timestamp) -> Finding {
    /// 2025-01-01T00:00:00Z, before there was any Countersign.
    const EARLIEST: Timestamp = Timestamp::from_secs(1_735_689_600);
    const LATEST: Timestamp = EARLIEST.saturating_add(Duration::from_secs(75 * 31_557_600));
    if (EARLIEST..LATEST).contains(&now) {
        return Finding::good("the clock is plausible");
    }
    Finding {
        severity: Severity::Fault,
        what: format!("the clock says {} s since 1970, which cannot be", now.as_secs()),
        remedy: "set it, and let NTP keep it (timedatectl set-ntp true)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Overrides, Sources, load};

    fn loaded(variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        load(Sources { file: None, environment, overrides: Overrides::default() })
    }

    fn worst(findings: &[Finding]) -> (Severity, String) {
        let worst = findings.iter().max_by_key(|finding| finding.severity).unwrap();
        (worst.severity, format!("{} {}", worst.what, worst.remedy))
    }

    #[test]
    fn a_configuration_is_good_questionable_or_wrong() {
        for (variables, severity, words) in [
            (vec![], Severity::Good, "in order"),
            (vec![("COUNTERSIGN_PUBLIC_URL", "https://api.example")], Severity::Good, "in order"),
            (vec![("COUNTERSIGN_PUBLIC_URL", "http://api.example")], Severity::Warning, "without TLS"),
            (vec![("COUNTERSIGN_LISTEN", "0.0.0.0:8470")], Severity::Warning, "set public_url"),
            (vec![("COUNTERSIGN_TRUSTED_PROXIES", "::1")], Severity::Warning, "client_ip_source"),
            (
                vec![("COUNTERSIGN_ADMIN_LISTEN", "[::]:1"), ("COUNTERSIGN_DANGER_ADMIN_LISTEN", "true")],
                Severity::Warning,
                "danger_admin_listen",
            ),
            (vec![("COUNTERSIGN_LISTEN", "x")], Severity::Fault, "`listen` must be"),
        ] {
            let (found, said) = worst(&configuration(&loaded(&variables)));
            assert_eq!(found, severity, "{variables:?}: {said}");
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_data_directory_is_looked_at_and_not_made() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let look = || {
            let config = loaded(&[("COUNTERSIGN_DATA", path.to_str().unwrap())]).unwrap().config;
            worst(&data_directory(&config))
        };
        assert_eq!(look().0, Severity::Warning);
        assert!(!path.exists());
        DataDir::open(&path).unwrap();
        assert!(look().1.contains("no key-encryption key yet") && !path.join("kek").exists());
        std::fs::write(path.join("kek"), [9; 31]).unwrap();
        std::fs::set_permissions(path.join("kek"), std::fs::Permissions::from_mode(0o640)).unwrap();
        let (severity, said) = look();
        assert!(severity == Severity::Fault && said.contains("chmod 600"), "{said}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (severity, said) = look();
        assert!(severity == Severity::Fault && said.contains("chmod 700"), "{said}");
    }

    #[test]
    fn a_lock_that_is_held_is_no_fault() {
        let home = tempfile::tempdir().unwrap();
        let directory = DataDir::open(&home.path().join("data")).unwrap();
        let held = directory.lock();
        assert_eq!(lock(&held).severity, Severity::Good);
        let finding = lock(&directory.lock());
        assert!(finding.severity == Severity::Good && finding.what.contains("in use by process"), "{}", finding.what);
    }

    #[test]
    fn a_clock_behind_the_accept_clock_is_a_fault_with_a_way_out() {
        let examination = |clock_behind_ms| Examination {
            sqlite: "3".to_owned(),
            problems: Vec::new(),
            seed_mode_keys: 0,
            clock_behind_ms,
            kek_versions: (1, Vec::new()),
            sealed_otherwise: BTreeMap::new(),
        };
        assert_eq!(worst(&store(&examination(None))).0, Severity::Good);
        let (severity, said) = worst(&store(&examination(Some(691_200_000))));
        assert!(
            severity == Severity::Fault && said.contains("691200 s behind") && said.contains("--reset-clock"),
            "{said}"
        );
    }

    #[test]
    fn an_exchange_of_the_key_encryption_key_is_told_of_until_the_former_key_may_go() {
        let look = |former: &[u32], left: &[(u32, u64)]| kek(&(3, former.to_vec()), &left.iter().copied().collect());
        assert_eq!(look(&[], &[]), []);
        let (severity, said) = worst(&look(&[2], &[(2, 17)]));
        assert!(
            severity == Severity::Warning && said.contains("17 secrets are still sealed under version 2"),
            "{said}"
        );
        let (severity, said) = worst(&look(&[2], &[]));
        assert!(severity == Severity::Warning && said.contains("nothing is sealed under version 2"), "{said}");
    }

    #[test]
    fn a_clock_before_2025_or_beyond_the_century_cannot_be() {
        for (seconds, severity) in [
            (0, Severity::Fault),
            (1_735_689_599, Severity::Fault),
            (1_735_689_600, Severity::Good),
            (1_795_000_000, Severity::Good),
            (4_102_509_600, Severity::Fault),
        ] {
            assert_eq!(clock(Timestamp::from_secs(seconds)).severity, severity, "{seconds}");
        }
    }
}
