use core::fmt::{self, Write};

/// The longest value in a line, in octets; what is longer is cut.
const LONGEST: usize = 1_024;

/// Text fit for a line: controls are escaped (new lines, ANSI sequences, C1), as is what turns or hides text, and what
/// is too long is cut while it is written, however long it would be.
#[derive(Debug, Default)]
pub(super) struct Clean {
    text: String,
    left_out: usize,
}

impl Clean {
    /// What `value` displays.
    pub(super) fn of(value: impl fmt::Display) -> String {
        Self::written(format_args!("{value}"))
    }

    /// What was formatted.
    pub(super) fn written(arguments: fmt::Arguments<'_>) -> String {
        let mut clean = Self::default();
        // Only a broken Display gives an error here, and then what it wrote so far stands.
        let _ = clean.write_fmt(arguments);
        if clean.left_out > 0 {
            let _ = write!(clean.text, "…(+{} octets)", clean.left_out);
        }
        clean.text
    }
}

impl Write for Clean {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let before = self.text.len();
            if self.left_out == 0 && is_unfit(character) {
                self.text.extend(character.escape_default());
            } else if self.left_out == 0 {
                self.text.push(character);
            }
            if self.text.len() > LONGEST {
                self.text.truncate(before);
            }
            if self.text.len() == before {
                self.left_out += character.len_utf8();
            }
        }
        Ok(())
    }
}

/// Controls, and format characters that reorder or hide (Unicode UAX #9, UTS #39).
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_a_cursor_or_hide_is_escaped_and_nothing_else() {
        for (text, clean) in [
            ("plain é 漢 🦀", "plain é 漢 🦀"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31m\u{7f}\u{9b}2J", "\\u{1b}[31m\\u{7f}\\u{9b}2J"),
            ("admin\u{202e}nimda\u{200d}", "admin\\u{202e}nimda\\u{200d}"),
            ("\u{2028}\u{feff}\0", "\\u{2028}\\u{feff}\\u{0}"),
        ] {
            assert_eq!(Clean::of(text), clean);
        }
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_and_says_so() {
        assert_eq!(Clean::of("x".repeat(LONGEST)).len(), LONGEST);
        assert_eq!(Clean::of("x".repeat(LONGEST + 5)), format!("{}…(+5 octets)", "x".repeat(LONGEST)));
        let cut = Clean::of(format!("{}é{}", "x".repeat(LONGEST - 1), "y".repeat(100_000)));
        assert_eq!(cut, format!("{}…(+100002 octets)", "x".repeat(LONGEST - 1)));
        assert!(Clean::of("\n".repeat(100_000)).len() < LONGEST + 30);
    }
}
