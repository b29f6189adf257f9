//! The `countersign` command.

mod call;
mod demo;
mod doctor;
mod enrol;
mod event;
mod exit;
mod input;
mod key;
mod key_own;
mod key_recover;
mod key_rotate;
mod key_show;
mod login;
mod operate;
mod password;
mod print;
mod profile;
mod rekey;
mod say;
mod serve;
mod server_key;
mod session;
mod token_key;
mod user;
mod verify;
mod voice;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;

/// A guard for HTTP APIs: is this still the one who signed in?
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Enrol(enrol::Args),
    Login(login::Args),
    Logout(session::LogoutArgs),
    Whoami(session::WhoamiArgs),
    Call(call::Args),
    Demo(demo::Args),
    Verify(verify::Args),
    #[command(subcommand)]
    Session(session::Command),
    Passwd(password::PasswdArgs),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    ServerKey(server_key::Command),
    #[command(subcommand)]
    TokenKey(token_key::Command),
    #[command(subcommand)]
    Event(event::Command),
    Rekey(rekey::Args),
    Doctor(doctor::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let exit = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli.command)));
    exit.unwrap_or_else(|error| {
        say::note(say::chain(error.as_ref()));
        exit_of(&error)
    })
    .into()
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Enrol(args) => enrol::run(args).await,
        Command::Login(args) => login::run(args).await,
        Command::Logout(args) => session::logout(&args).await,
        Command::Whoami(args) => session::whoami(&args).await,
        Command::Session(command) => session::run(command).await,
        Command::Passwd(args) => password::passwd(&args).await,
        Command::Call(args) => call::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::User(command) => user::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::ServerKey(command) => server_key::run(command).await,
        Command::TokenKey(command) => token_key::run(command).await,
        Command::Event(command) => event::run(command).await,
        Command::Rekey(args) => rekey::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Verify(args) => verify::run(&args),
    }
}

/// What kept a command from doing anything at all: a server that could not be asked or said no, or a use that is wrong.
fn exit_of(error: &anyhow::Error) -> Exit {
    let of_a_session = || error.downcast_ref().map(voice::exit_of);
    let of_a_call = || error.downcast_ref().map(key_rotate::exit_of);
    of_a_session().or_else(of_a_call).unwrap_or(Exit::Usage)
}

/// Help that was asked for is a success; anything else is a wrong use, which is 1 and not clap's 2: 2 means the network.
fn misused(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
