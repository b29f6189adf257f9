//! The demonstration can fail: whatever it says was caught, it would not say so of a guard or a client that did not
//! catch it.

use countersign_client::Interference;

use super::evidence::{NotCaught, Said};
use super::play;
use super::scene::{Act, Scene};
use super::scenes::SCENES;
use super::stage::Stage;

fn scene(name: &str) -> &'static Scene {
    SCENES.iter().find(|scene| scene.name == name).unwrap()
}

#[tokio::test]
async fn without_a_guard_whatever_reaches_the_api_is_reported_as_unsigned() {
    let mut stage = Stage::set_up().await.unwrap();
    stage.server = stage.api.address;
    for scene in SCENES {
        let judged = scene.play(&stage).await.unwrap().judge(&scene.expected);
        let reaches_nobody = scene.name == "a reflected request";
        let due = if reaches_nobody { Ok(()) } else { Err(NotCaught::Unsigned) };
        assert_eq!(judged, due, "{}", scene.name);
    }
    stage.clear_away().await.unwrap();
}

#[tokio::test]
async fn a_client_that_believes_what_it_is_told_is_reported() {
    let stage = Stage::set_up().await.unwrap();
    let noticed = |scene: &&Scene| matches!(scene.expected.said, [Said::Interference(_), ..]);
    let mut count = 0;
    for scene in SCENES.iter().filter(noticed) {
        let mut evidence = scene.play(&stage).await.unwrap();
        evidence.said.fill(Said::Verified(201));
        let judged = evidence.judge(&scene.expected);
        assert!(matches!(&judged, Err(NotCaught::Said(said, _)) if said == "verified: 201"), "{}", scene.name);
        count += 1;
    }
    assert!(count >= 10, "{count} scenes in which the client notices");
    stage.clear_away().await.unwrap();
}

#[tokio::test]
async fn a_client_that_notices_something_else_than_there_is_is_reported() {
    let stage = Stage::set_up().await.unwrap();
    let scene = scene("a changed answer");
    let mut evidence = scene.play(&stage).await.unwrap();
    assert_eq!(evidence.judge(&scene.expected), Ok(()));
    evidence.said = vec![Said::Interference(Interference::Stale)];
    assert!(matches!(evidence.judge(&scene.expected), Err(NotCaught::Said(..))));
    evidence.said.clear();
    assert!(matches!(evidence.judge(&scene.expected), Err(NotCaught::Said(..))), "a client that says nothing");
    stage.clear_away().await.unwrap();
}

#[tokio::test]
async fn an_api_that_acts_twice_or_not_at_all_and_a_guard_that_refuses_nothing_are_reported() {
    let stage = Stage::set_up().await.unwrap();
    let scene = scene("a replay");
    let evidence = scene.play(&stage).await.unwrap();
    let mut twice = evidence.clone();
    twice.carried_out.extend(evidence.carried_out.clone());
    assert_eq!(twice.judge(&scene.expected), Err(NotCaught::Acted(2, 1)));
    let mut idle = evidence.clone();
    idle.carried_out.clear();
    assert_eq!(idle.judge(&scene.expected), Err(NotCaught::Acted(0, 1)));
    let mut lenient = evidence;
    lenient.refusals.clear();
    assert_eq!(lenient.judge(&scene.expected), Err(NotCaught::Refusals(vec![], &["replayed"])));
    stage.clear_away().await.unwrap();
}

#[tokio::test]
async fn what_is_not_caught_is_named_and_the_rest_is_played_all_the_same() {
    let stage = Stage::set_up().await.unwrap();
    let expecting = |name, of: &Scene| Scene {
        name,
        act: Act::Call,
        trick: of.trick,
        expected: scene("a replay").expected,
        caught_by: "",
    };
    let scenes = [
        expecting("the first", scene("a good call")),
        expecting("the second", scene("a replay")),
        expecting("the third", scene("a cut line")),
    ];
    let error = play(&stage, &scenes).await.unwrap_err().to_string();
    assert!(error.starts_with("not caught: the first: ") && error.contains("; the third: "), "{error}");
    assert!(!error.contains("the second"), "{error}");
    stage.clear_away().await.unwrap();
}

#[test]
fn words_are_not_said_twice_in_a_row() {
    use countersign_core::problem::Problem;
    let words = |said: &[Said]| super::evidence::in_words(said);
    assert_eq!(words(&[Said::Verified(201); 2]), "verified: 201");
    assert_eq!(words(&[Said::Refused(&Problem::CLOCK_SKEW), Said::Verified(201)]), "verified: 401 clock-skew, 201");
    assert_eq!(
        words(&[Said::Verified(201), Said::Interference(Interference::Digest)]),
        "verified: 201; interference: digest"
    );
}
