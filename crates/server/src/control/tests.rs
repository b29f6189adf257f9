use core::time::Duration;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::call::call_within;
use super::*;
use crate::data::{DataDir, LockError};

/// A server that gives back what it was asked and by whom, and refuses what it is told to.
struct Echo {
    directory: DataDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _home: TempDir,
}

fn echo_in(home: TempDir, path: &Path) -> Echo {
    let directory = DataDir::open(path).unwrap();
    let lock = directory.lock().unwrap();
    let socket = ControlSocket::bind(&directory, &lock).unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(socket.serve(
        async {
            let _ = stopped.await;
        },
        |actor: Actor, question: Value| async move {
            match question.get("refuse") {
                Some(_) => Err(ControlError::new("conflict", "the name is taken")),
                None => Ok(json!({ "actor": actor.to_string(), "question": question })),
            }
        },
    ));
    Echo { directory, stop, served, _home: home }
}

fn echo() -> Echo {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    echo_in(home, &path)
}

async fn raw(echo: &Echo, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(echo.directory.path().join("control.sock")).await.unwrap();
    // A server that has heard enough may hang up before the end.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_question_is_answered_and_the_asker_is_named() {
    let echo = echo();
    let answer: Value = call(&echo.directory, &json!({ "list": "users" })).await.unwrap();
    let us = rustix::process::geteuid().as_raw();
    assert_eq!(answer, json!({ "actor": format!("uid {us}"), "question": { "list": "users" } }));
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_code_and_sentence() {
    let echo = echo();
    match call::<_, Value>(&echo.directory, &json!({ "refuse": true })).await {
        Err(CallError::Refused(error)) => assert_eq!(error, ControlError::new("conflict", "the name is taken")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_one_route_takes_json_of_bounded_length() {
    let echo = echo();
    let post = |length: usize, body: &str| {
        format!("POST /control HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let full = format!("\"{}\"", "x".repeat(LONGEST_QUESTION - 2));
    for (request, status) in [
        (b"GET /control HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), StatusCode::METHOD_NOT_ALLOWED),
        (b"POST /users HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}".to_vec(), StatusCode::NOT_FOUND),
        (post(4, "{]xx"), StatusCode::BAD_REQUEST),
        (post(0, ""), StatusCode::BAD_REQUEST),
        (post(full.len(), &full), StatusCode::OK),
        (post(full.len() + 1, &(full.clone() + " ")), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = raw(&echo, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", status.as_str())), "{status}: {answer:.200}");
    }
    match call::<_, Value>(&echo.directory, &"x".repeat(LONGEST_QUESTION)).await {
        Err(CallError::Refused(error)) => assert_eq!(error.code, "too-large"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_socket_is_private_and_goes_when_the_server_stops() {
    let echo = echo();
    let path = echo.directory.path().join("control.sock");
    let metadata = path.symlink_metadata().unwrap();
    assert!(metadata.file_type().is_socket() && metadata.permissions().mode() & 0o077 == 0);
    echo.stop.send(()).unwrap();
    echo.served.await.unwrap();
    assert!(!path.exists());
    assert!(echo.directory.lock().is_ok(), "the lock goes with the socket");
}

#[tokio::test]
async fn the_lock_is_held_as_long_as_the_socket_is_there() {
    let home = tempfile::tempdir().unwrap();
    let directory = DataDir::open(&home.path().join("data")).unwrap();
    let lock = directory.lock().unwrap();
    let socket = ControlSocket::bind(&directory, &lock).unwrap();
    drop(lock);
    assert!(directory.lock().is_err());
    drop(socket);
    assert!(directory.lock().is_ok());
}

#[tokio::test]
async fn a_question_under_way_is_answered_before_the_directory_is_given_up() {
    let home = tempfile::tempdir().unwrap();
    let directory = DataDir::open(&home.path().join("data")).unwrap();
    let socket = ControlSocket::bind(&directory, &directory.lock().unwrap()).unwrap();
    let (heard, go_on, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (heard, go_on) = (Arc::clone(&heard), Arc::clone(&go_on));
        move |_, question| {
            let (heard, go_on) = (Arc::clone(&heard), Arc::clone(&go_on));
            async move {
                heard.notify_one();
                go_on.notified().await;
                Ok(question)
            }
        }
    };
    let stopped = Arc::clone(&stop);
    let served = tokio::spawn(socket.serve(async move { stopped.notified().await }, handler));
    let asking = async { call::<_, Value>(&directory, &json!("slow")).await };
    let stopping = async {
        heard.notified().await;
        stop.notify_one();
        while directory.path().join("control.sock").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(matches!(directory.lock(), Err(LockError::Held { .. })));
        go_on.notify_one();
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert_eq!(answer.unwrap(), json!("slow"));
    served.await.unwrap();
    assert!(directory.lock().is_ok());
}

#[tokio::test]
async fn what_a_killed_server_left_behind_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    let directory = DataDir::open(&path).unwrap();
    drop(std::os::unix::net::UnixListener::bind(path.join("control.sock")).unwrap());
    let failed: Result<Value, _> =
        call_within(&directory, &json!(1), (Duration::from_millis(60), Duration::from_secs(30))).await;
    assert!(matches!(failed, Err(CallError::NobodyThere(_))), "{failed:?}");
    let echo = echo_in(home, &path);
    assert!(call::<_, Value>(&echo.directory, &json!(1)).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_just_starting_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    let directory = DataDir::open(&path).unwrap();
    let question = json!({ "early": true });
    let asked = call::<_, Value>(&directory, &question);
    let late = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        echo_in(home, &path)
    };
    let (answer, _echo) = tokio::join!(asked, late);
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn nobody_at_the_socket_is_said_in_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let directory = DataDir::open(&home.path().join("data")).unwrap();
    let failed: Result<Value, _> =
        call_within(&directory, &json!(1), (Duration::from_millis(60), Duration::from_secs(30))).await;
    let said = failed.unwrap_err().to_string();
    assert!(said.contains("starting or stopping") && said.contains("try again"), "{said}");
}

#[tokio::test]
async fn a_data_directory_may_lie_deeper_than_a_socket_address_is_long() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("d".repeat(100)).join("e".repeat(100));
    let echo = echo_in(home, &path);
    assert!(path.join("control.sock").exists());
    assert!(call::<_, Value>(&echo.directory, &json!(1)).await.is_ok());
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_own_conversation_only() {
    let home = tempfile::tempdir().unwrap();
    let directory = DataDir::open(&home.path().join("data")).unwrap();
    let lock = directory.lock().unwrap();
    let socket = ControlSocket::bind(&directory, &lock).unwrap();
    let handler = |_, question: Value| async move {
        assert!(question != json!("panic"), "as asked");
        Ok(question)
    };
    let served = tokio::spawn(socket.serve(core::future::pending(), handler));
    let broken: Result<Value, _> = call(&directory, &json!("panic")).await;
    assert!(matches!(broken, Err(CallError::BrokeOff(_))), "{broken:?}");
    assert_eq!(call::<_, Value>(&directory, &json!("fine")).await.unwrap(), json!("fine"));
    served.abort();
}
