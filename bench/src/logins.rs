//! Whether the time of a denied login tells if there is a user of that name, and what logins and refreshes cost.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use countersign_core::account::{Credentials, User};
use countersign_core::event::EventKind;
use countersign_core::password::{Password, PasswordHash};
use countersign_core::session::{Proof, RefreshToken};
use countersign_server::app::SharedApp;
use countersign_server::edge;
use countersign_server::service::grant::Grant;
use countersign_server::service::login::{ByPassword, Device, Login, by_password};
use countersign_server::service::refresh::{Refresh, refresh};
use countersign_server::service::whence::Whence;

use crate::people;
use crate::revocation::start;
use crate::spread::Spread;
use crate::stopwatch::wall_time;

/// Denied logins of users that there are, and as many of users that there are not.
const SAMPLES: usize = 2_000;
/// Logins that are granted, and refreshes after each.
const LOGINS: usize = 100;
const REFRESHES: usize = 10;

/// Measures and prints.
pub(crate) fn run() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let server = start(home.path(), None).await?;
        denied(server.app()).await?;
        granted(server.app()).await
    })
}

/// Each user and each network is tried once, so that nobody is told to wait. Which kind comes first is drawn anew for each
/// pair.
async fn denied(app: &SharedApp) -> anyhow::Result<()> {
    let hash = app.passwords.hash(&password("the right one, which is long")?).await?;
    for number in 0..SAMPLES {
        add(app, number, hash.clone()).await?;
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..SAMPLES {
        let (there, not_there) = (format!("person{number}"), format!("nobody{number}"));
        let [first] = edge::random::<1>();
        if first % 2 == 0 {
            known.push(deny(app, &there, 2 * number).await?);
            unknown.push(deny(app, &not_there, 2 * number + 1).await?);
        } else {
            unknown.push(deny(app, &not_there, 2 * number).await?);
            known.push(deny(app, &there, 2 * number + 1).await?);
        }
    }
    let line = |kind: &str, times: &[f64]| {
        let Spread { lower, median, upper } = Spread::of(times.iter().copied());
        println!("{kind:<24} {median:>8.2} ms ({lower:.2} to {upper:.2})");
    };
    println!("a denied login, {SAMPLES} each:");
    line("of a user there is", &known);
    line("of a user there is not", &unknown);
    println!(
        "Welch's t {:.2}; of the faster nine tenths {:.2}",
        t(&known, &unknown),
        t(&faster(&known), &faster(&unknown))
    );
    Ok(())
}

async fn add(app: &SharedApp, number: usize, hash: PasswordHash) -> anyhow::Result<User> {
    let user = User { has_password: true, ..people::user(number)? };
    let event = people::event(EventKind::UserAdded, &user);
    app.accounts.stores.users.add(&Credentials::new(user.clone(), Some(hash)), &event).await?;
    Ok(user)
}

/// The milliseconds until the answer.
async fn deny(app: &SharedApp, username: &str, network: usize) -> anyhow::Result<f64> {
    let (login, begun) = (log_in(username, "a wrong one, which is long, too")?, wall_time());
    let answer = by_password(app, login, device(network)?, edge::now().wall).await?;
    let took = wall_time() - begun;
    ensure!(matches!(answer, Login::Denied), "it is denied: {answer:?}");
    Ok(took.as_secs_f64() * 1e3)
}

fn log_in(username: &str, text: &str) -> anyhow::Result<ByPassword> {
    Ok(ByPassword { username: username.to_owned(), password: password(text)?, proof: Proof::Bearer })
}

fn password(text: &str) -> anyhow::Result<Password> {
    Ok(Password::new(text.to_owned().into())?)
}

/// At an address in a network of its own, of those that are for documentation and benchmarks and beyond.
fn device(network: usize) -> anyhow::Result<Device> {
    let [high, low] = u16::try_from(network)?.to_be_bytes();
    let address = IpAddr::V4(Ipv4Addr::new(198, high, low, 1));
    Ok(Device::new("bench", Whence::new(address, Some("bench/1"))))
}

/// Welch's t of two samples: how many standard errors their means are apart.
fn t(one: &[f64], other: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let spread = |values: &[f64]| {
        let middle = mean(values);
        let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
        squares / (values.len() as f64 - 1.0) / values.len() as f64
    };
    (mean(one) - mean(other)) / (spread(one) + spread(other)).sqrt()
}

/// Without the slowest tenth, which is whatever else the machine did.
fn faster(times: &[f64]) -> Vec<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(times.len() * 9 / 10);
    sorted
}

/// One after the other, each written and synced before the next.
async fn granted(app: &SharedApp) -> anyhow::Result<()> {
    let whence = Whence::new(Ipv4Addr::new(192, 0, 2, 1).into(), Some("bench/1"));
    let (mut logins, mut refreshes) = (Vec::new(), Vec::new());
    for number in 0..LOGINS {
        let login = log_in(&format!("person{number}"), "the right one, which is long")?;
        let (device, begun) = (Device::new("bench", whence.clone()), wall_time());
        let Login::Opened(mut grant) = by_password(app, login, device, edge::now().wall).await? else {
            bail!("a login was refused");
        };
        logins.push(milliseconds_since(begun));
        for _ in 0..REFRESHES {
            let begun = wall_time();
            grant = next(app, &grant, &whence).await?;
            refreshes.push(milliseconds_since(begun));
        }
    }
    for (kind, times) in [("a login by password", logins), ("a refresh", refreshes)] {
        let Spread { lower, median, upper } = Spread::of(times);
        println!("{kind:<24} {median:>8.2} ms ({lower:.2} to {upper:.2})");
    }
    Ok(())
}

async fn next(app: &SharedApp, grant: &Grant, whence: &Whence) -> anyhow::Result<Box<Grant>> {
    let token: RefreshToken = grant.refresh_token.parse().ok().context("a refresh token reads back")?;
    match refresh(app, &token, None, whence, edge::now().wall).await? {
        Refresh::Granted(grant) => Ok(grant),
        refused => bail!("a refresh was refused: {refused:?}"),
    }
}

fn milliseconds_since(begun: Duration) -> f64 {
    (wall_time() - begun).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_tells_what_is_apart_from_what_is_not() {
        let times = |from: f64| (0..1_000).map(|n| from + f64::from(n % 7)).collect::<Vec<_>>();
        assert!(t(&times(10.0), &times(10.0)).abs() < 0.001);
        assert!(t(&times(11.0), &times(10.0)) > 4.5);
        assert!(t(&times(10.0), &times(11.0)) < -4.5);
    }

    #[test]
    fn the_slowest_tenth_is_left_away() {
        assert_eq!(faster(&[3.0, 1.0, 90.0, 2.0, 5.0, 4.0, 8.0, 7.0, 9.0, 6.0]).len(), 9);
        assert!(!faster(&[3.0, 1.0, 90.0, 2.0, 5.0, 4.0, 8.0, 7.0, 9.0, 6.0]).contains(&90.0));
    }
}
