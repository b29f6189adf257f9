use proptest::prelude::*;

use super::*;

fn parse(typed: &str) -> Result<String, BadUsername> {
    typed.parse::<Username>().map(|name| name.to_string())
}

#[test]
fn names_of_many_languages_are_names() {
    for name in [
        "alice",
        "a",
        "o'brien",
        "alice@example.org",
        "alice_b-c+d",
        "user.name",
        "josé",
        "kjær",
        "ırmak",
        "straße",
        "łukasz",
        "анна",
        "мария-1",
        "νίκος",
        "şule",
        "田中",
        "タナカ",
        "田中たろう",
        "kim민수",
        "سارة",
        "דנה",
        "कमल",
        "ทดสอบ",
        "1234",
    ] {
        assert_eq!(parse(name), Ok(name.to_owned()));
    }
}

#[test]
fn capitals_are_mapped_and_make_no_second_name() {
    for (typed, canonical) in [("Alice", "alice"), ("ALICE", "alice"), ("JOSÉ", "josé"), ("Анна", "анна")] {
        assert_eq!(parse(typed), Ok(canonical.to_owned()));
        assert_eq!(typed.parse::<Username>(), canonical.parse::<Username>());
    }
}

/// Row B26 of the attack corpus, and what is kin to it.
#[test]
fn names_that_only_look_right_are_refused() {
    for (typed, why) in [
        ("jose\u{301}", BadUsername::Spelling),                          // decomposed
        ("\u{ff41}lice", BadUsername::Spelling),                         // full-width
        ("ＡＬＩＣＥ", BadUsername::Spelling),                           // full-width capitals
        ("ﾀﾅｶ", BadUsername::Spelling),                                  // half-width kana
        ("\u{212b}ngstrom", BadUsername::Character),                     // Ångström sign
        ("\u{430}lice", BadUsername::Lookalike),                         // Cyrillic а
        ("al\u{456}ce", BadUsername::Lookalike),                         // Cyrillic і
        ("αlice", BadUsername::Lookalike),                               // Greek
        ("\u{440}\u{430}\u{443}\u{440}\u{430}", BadUsername::Lookalike), // раура, all Cyrillic
        ("\u{430}\u{440}\u{440}\u{4cf}\u{435}", BadUsername::Lookalike), // аррӏе
        ("\u{441}1\u{441}", BadUsername::Lookalike),                     // Cyrillic and digits
        ("ali\u{200d}ce", BadUsername::Character),                       // zero-width joiner
        ("क्\u{200d}ष", BadUsername::Character),                          // the same where RFC 8264 allows it
        ("ali\u{200c}ce", BadUsername::Character),
        ("ali\u{200b}ce", BadUsername::Character), // zero-width space
        ("ali\u{feff}ce", BadUsername::Character),
        ("ali\u{ad}ce", BadUsername::Character),   // soft hyphen
        ("\u{202e}ecila", BadUsername::Character), // right-to-left override
        ("alice\u{2066}", BadUsername::Character),
        ("alice ", BadUsername::Character),
        (" alice", BadUsername::Character),
        ("al ice", BadUsername::Character),
        ("alice\u{a0}", BadUsername::Character),
        ("alice.", BadUsername::Dot),
        (".alice", BadUsername::Dot),
        (".", BadUsername::Dot),
        ("..", BadUsername::Dot),
        ("\u{301}alice", BadUsername::Character), // a mark with nothing to stand on
        ("alice\n", BadUsername::Character),
        ("alice\r\nx-user: root", BadUsername::Character),
        ("al\0ice", BadUsername::Character),
        ("al\u{7f}ice", BadUsername::Character),
        ("al\u{85}ice", BadUsername::Character),
        ("al,ice", BadUsername::Character),
        ("al;ice", BadUsername::Character),
        ("al:ice", BadUsername::Character),
        ("al\"ice", BadUsername::Character),
        ("a\u{627}", BadUsername::Character), // directions mixed, RFC 5893
        ("😀", BadUsername::Character),
        ("ﬁona", BadUsername::Character),     // ligature
        ("a\u{378}", BadUsername::Character), // unassigned
    ] {
        assert_eq!(parse(typed), Err(why), "{typed:?}");
    }
}

#[test]
fn reserved_names_are_refused_however_they_are_dressed() {
    for typed in [
        "admin",
        "Admin",
        "ADMIN",
        "root",
        "Root",
        "countersign",
        "CounterSign",
        "adrnin",
        "\u{251}dmin",
        "\u{430}dmin",
    ] {
        assert_eq!(parse(typed), Err(BadUsername::Reserved), "{typed:?}");
    }
    for typed in ["\u{ff41}dmin", "admin.", "admin "] {
        assert!(parse(typed).is_err(), "{typed:?}");
    }
    for typed in ["admins", "administrator", "roots", "root2"] {
        assert_eq!(parse(typed), Ok(typed.to_owned()));
    }
}

#[test]
fn a_name_has_one_to_sixty_four_octets() {
    assert_eq!(parse(""), Err(BadUsername::Length));
    assert_eq!(parse(&"a".repeat(64)), Ok("a".repeat(64)));
    assert_eq!(parse(&"a".repeat(65)), Err(BadUsername::Length));
    assert_eq!(parse(&"é".repeat(32)), Ok("é".repeat(32)));
    assert_eq!(parse(&"é".repeat(33)), Err(BadUsername::Length));
    // What is longer than any spelling of a name is not even looked at: blanks would have been the complaint.
    assert_eq!(parse(&" ".repeat(255)), Err(BadUsername::Character));
    assert_eq!(parse(&" ".repeat(256)), Err(BadUsername::Length));
}

#[test]
fn every_refusal_says_what_to_do_and_repeats_nothing() {
    use BadUsername::{Character, Dot, Length, Lookalike, Reserved, Spelling};
    for why in [Length, Character, Spelling, Dot, Lookalike, Reserved] {
        let message = why.to_string();
        assert!(message.contains(": "), "{message}");
    }
}

proptest! {
    #[test]
    fn a_canonical_name_is_its_own_canonical_name(typed in "(\\PC{0,24}|[a-zA-Zà-ÿа-яА-ЯΑ-ω.\u{300}-\u{304}]{1,20})") {
        if let Ok(name) = typed.parse::<Username>() {
            prop_assert_eq!(name.as_str().parse::<Username>(), Ok(name.clone()));
            prop_assert!((1..=64).contains(&name.as_str().len()));
            prop_assert!(!name.as_str().contains([',', ';', ':', '"', ' ']));
        }
    }

    #[test]
    fn no_text_at_all_makes_the_parser_fall_over(typed in any::<String>()) {
        let _ = typed.parse::<Username>();
    }
}
