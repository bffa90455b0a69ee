//! Characters that change how a text is read without being seen.

/// Changes the direction of the text after it: bank names and codes can be made to look like others.
pub(crate) fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// May not stand directly beside a code: a user who copies the code would copy it too.
pub(crate) fn is_hidden(c: char) -> bool {
    is_direction_control(c)
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// May not stand in a text of one line at all. Joiners (U+200C, U+200D) may: Persian, Hindi and emoji need them.
pub(crate) fn is_refused(c: char) -> bool {
    c.is_control()
        || is_direction_control(c)
        || matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a hidden character touches one of the occurrences of `code` in `text`.
pub(crate) fn hidden_beside(text: &str, code: &str) -> Option<char> {
    text.match_indices(code).find_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + code.len()..].chars().next();
        [before, after].into_iter().flatten().find(|c| is_hidden(*c))
    })
}

#[cfg(test)]
mod tests {
    use super::{hidden_beside, is_refused};

    #[test]
    fn a_hidden_character_is_found_on_both_sides_of_a_code() {
        for hidden in ['\u{2068}', '\u{202e}', '\u{200b}', '\u{200d}', '\u{200f}', '\u{feff}'] {
            assert_eq!(hidden_beside(&format!("a {hidden}482931"), "482931"), Some(hidden));
            assert_eq!(hidden_beside(&format!("482931, 482931{hidden}."), "482931"), Some(hidden));
        }
        assert_eq!(hidden_beside("\u{200d}482931\u{200d}", "48293"), Some('\u{200d}'));
        assert_eq!(hidden_beside("\u{200b} 482931 \u{200b}", "482931"), None);
    }

    #[test]
    fn joiners_may_stand_in_a_text_and_controls_may_not() {
        assert!(!"می\u{200c}خواهم 👩\u{200d}💻".chars().any(is_refused));
        assert!("\n\0\u{1b}\u{202e}\u{2066}\u{200b}\u{2028}".chars().all(is_refused));
    }
}
