//! The code in a mail: the first run of exactly six digits in the text, whatever its encoding.
//!
//! Reads what mail-service writes and no more of MIME than that: one part, or `multipart` with parts inside, each as it is,
//! in quoted-printable or in base64. The plain text comes before HTML, whose colours look like codes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// How deep parts may be inside one another.
const DEPTH: u8 = 4;

/// The code in a message.
pub(crate) fn code_in(message: &[u8]) -> Option<String> {
    let message = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let mut texts = Vec::new();
    read(&message, DEPTH, &mut texts);
    texts.sort_by_key(|text| !text.is_plain);
    texts.iter().find_map(|text| six_digits(&text.content)).map(str::to_owned)
}

struct Text {
    is_plain: bool,
    content: String,
}

fn read(part: &str, depth: u8, texts: &mut Vec<Text>) {
    // A part without headers begins with the empty line.
    let (head, body) = match part.strip_prefix('\n') {
        Some(body) => ("", body),
        None => part.split_once("\n\n").unwrap_or((part, "")),
    };
    let headers = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |name: &str| {
        headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let type_ = header("Content-Type").unwrap_or_else(|| "text/plain".to_owned());
    let kind = type_.to_ascii_lowercase();
    if kind.starts_with("multipart/") {
        if let (Some(boundary), 1..) = (boundary(&type_), depth) {
            let delimiter = format!("\n--{boundary}");
            let body = format!("\n{body}");
            for part in body.split(&delimiter).skip(1).filter(|part| !part.starts_with("--")) {
                // What is left of the delimiter's line.
                let part = part.split_once('\n').map_or("", |(_, part)| part);
                read(part, depth - 1, texts);
            }
        }
    } else if kind.starts_with("text/") {
        let encoding = header("Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
        texts.push(Text { is_plain: kind.starts_with("text/plain"), content: decode(&encoding, body) });
    }
}

fn boundary(type_: &str) -> Option<&str> {
    let at = type_.to_ascii_lowercase().find("boundary=")?;
    let value = type_.get(at + "boundary=".len()..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(';').next()?.trim(),
    };
    Some(value).filter(|value| !value.is_empty())
}

fn decode(encoding: &str, body: &str) -> String {
    match encoding {
        "base64" => {
            let packed = body.split_ascii_whitespace().collect::<String>();
            String::from_utf8_lossy(&STANDARD.decode(packed).unwrap_or_default()).into_owned()
        }
        "quoted-printable" => unquote(&body.replace("=\n", "")),
        _ => body.to_owned(),
    }
}

fn unquote(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'=').then(|| after.get(..2)).flatten();
        let octet = escaped.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        octets.push(octet.unwrap_or(first));
        rest = if octet.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn six_digits(text: &str) -> Option<&str> {
    text.split(|character: char| !character.is_ascii_digit()).find(|digits| digits.len() == 6)
}

#[cfg(test)]
mod tests {
    use super::code_in;

    fn code(message: &str) -> Option<String> {
        code_in(message.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn the_code_is_read_from_every_encoding_of_the_text() {
        for (head, body) in [
            ("", "Your code is 482931."),
            ("Content-Transfer-Encoding: 7bit\n", "Your code is 482931."),
            ("Content-Transfer-Encoding: base64\n", "WW91ciBjb2RlIGlzIDQ4MjkzMS4="),
            ("Content-Transfer-Encoding: quoted-printable\n", "Ihr Schl=C3=BCssel ist 4=\n82931."),
        ] {
            let message = format!("Subject: 111111\nDate: Sun, 29 Nov 2026 10:00:00 +0000\n{head}\n{body}\n");
            assert_eq!(code(&message).as_deref(), Some("482931"), "{head}");
        }
    }

    #[test]
    fn of_several_parts_the_plain_text_is_read() {
        let message = "Content-Type: multipart/alternative;\n boundary=\"b-654321\"\n\n\
            --b-654321\nContent-Type: text/html\n\n<p style=\"color:#123456\">482931</p>\n\
            --b-654321\nContent-Type: text/plain; charset=utf-8\n\nYour code: 482931\n--b-654321--\n";
        assert_eq!(code(message).as_deref(), Some("482931"));
        let inside =
            format!("Content-Type: multipart/mixed; boundary=outer\n\n--outer\n{message}\n--outer--\n");
        assert_eq!(code(&inside).as_deref(), Some("482931"));
    }

    #[test]
    fn a_mail_without_six_digits_has_no_code() {
        for message in [
            "",
            "\n",
            "Subject: 482931\n\nno code, 1234567 or 12345\n",
            "Content-Type: multipart/mixed\n\n482931",
            "Content-Type: image/png\n\n482931",
            "Content-Transfer-Encoding: base64\n\n%%%",
            "Content-Transfer-Encoding: quoted-printable\n\n=4=",
        ] {
            assert_eq!(code(message), None, "{message}");
        }
    }
}
