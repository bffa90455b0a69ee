//! What a sender and a name for `EHLO` look like, as CEL. The parsers of `ping-contract` have the last word, in the operator: these
//! rules tell whoever writes them at once. Their regular expressions mean the same to Go's and Rust's libraries.

/// A text without a line break or another control character.
pub(super) fn without_controls() -> String {
    format!("!{}", matches(r"[\p{Cc}\x{2028}\x{2029}]"))
}

/// A text without a character that changes the direction of the text around it.
pub(super) fn without_direction_controls() -> String {
    format!("!{}", matches(r"[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"))
}

/// An address, alone, with a name before it in angle brackets, or with a name after it in parentheses.
pub(super) fn sender() -> String {
    let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    let literal = r"\[[0-9A-Fa-f:.IPv]+\]";
    // Underscores are in use, though no registry sells them.
    let address = format!("{atom}([.]{atom})*@({}|{literal})", domain("_"));
    let name = r#"([^<>]*| *"([^"\\]|\\.)*" *)"#;
    matches(&format!("^ *({name}< *{address} *>|{address} *([(].*[)])?) *$"))
}

/// A sender of a length that can be sent: the name without quotes, in quotes and in parentheses, the part before the `@`, and the
/// address.
pub(super) fn sender_is_short() -> String {
    let too_long = [
        r#"^ *[^ "].{199,}[^ ] *<"#,
        r#"^ *"([^"\\]|\\.){201,}" *<"#,
        r"[(] *[^ ].{199,}[^ ] *[)] *$",
        "[^ <]{65,}@[^@]*$",
        r#"[^ <>()"]{255,}"#,
    ];
    // A short text does not ask for the expression, whose repetitions take long to compile.
    format!("self.size() < 65 || !{}", matches(&too_long.join("|")))
}

/// A domain name, or an address in brackets.
pub(super) fn hello_name() -> String {
    let ipv4 = "[0-9]{1,3}([.][0-9]{1,3}){3}";
    let ipv6 = "IPv6:[0-9A-Fa-f:]{2,39}([.][0-9]{1,3}){0,3}";
    let name = matches(&format!(r"^({}|\[({ipv4}|{ipv6})\])$", domain("")));
    // Numbers alone are an address that lacks its brackets.
    format!("{name} && !{}", matches("(^|[.])[0-9]+[.]?$|[^.]{64,}"))
}

/// Labels that begin and end with a letter or digit, and may have hyphens and what `more` adds to them in between. Letters may be of
/// any script: they become punycode.
fn domain(more: &str) -> String {
    let end = r"[^\x00-/:-@\[-`{-\x7F]";
    let label = format!("{end}(({end}|[{more}-])*{end})?");
    format!("{label}([.]{label})*[.]?")
}

fn matches(pattern: &str) -> String {
    format!("self.matches(\"{}\")", pattern.replace('\\', r"\\").replace('"', "\\\""))
}
