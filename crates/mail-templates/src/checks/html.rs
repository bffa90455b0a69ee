//! The HTML part, read as a browser would.

use std::convert::Infallible;

use html5gum::{Token, Tokenizer, emitters::default::DefaultEmitter};

use super::{MAX_HTML, Problem, characters, size};

/// Elements that run, load, take input or change what the rest means; and those whose content would be read as text here
/// and as HTML by some mail program.
const ELEMENTS: [&str; 38] = [
    "script",
    "form",
    "input",
    "button",
    "select",
    "textarea",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "link",
    "base",
    "svg",
    "math",
    "video",
    "audio",
    "source",
    "track",
    "picture",
    "portal",
    "template",
    "slot",
    "dialog",
    "canvas",
    "map",
    "area",
    "noscript",
    "noembed",
    "noframes",
    "plaintext",
    "xmp",
    "xml",
    "bgsound",
    "marquee",
    "keygen",
    "param",
];

/// Attributes that load something or send something away.
const LOADING: [&str; 18] = [
    "srcset",
    "background",
    "action",
    "formaction",
    "poster",
    "data",
    "ping",
    "manifest",
    "code",
    "codebase",
    "classid",
    "archive",
    "lowsrc",
    "dynsrc",
    "longdesc",
    "usemap",
    "xlink:href",
    "srcdoc",
];

/// In style sheets: what loads or runs, and the backslash, which would spell it differently.
const STYLES: [&str; 8] =
    ["url(", "image-set(", "src(", "@import", "expression(", "javascript:", "-moz-binding", "\\"];

/// Schemes of links.
const SCHEMES: [&str; 3] = ["https://", "mailto:", "tel:"];

/// What is wrong with an HTML part. `logo` is the address of the brand's logo, the only picture that may be there.
pub(crate) fn html(html: &str, code: &str, logo: Option<&str>) -> Vec<Problem> {
    let mut reading = Reading { code, logo, problems: size(html, MAX_HTML), codes: 0, raw: None };
    reading.read(html, true);
    if reading.codes == 0 {
        let problem = "the HTML part lacks the code as one text";
        let fix = "write {{ code }} alone into one element, such as <p dir=\"ltr\">{{ code }}</p>: phones find and copy only that";
        reading.problems.push(Problem::new(problem, fix));
    }
    reading.problems
}

struct Reading<'a> {
    code: &'a str,
    logo: Option<&'a str>,
    problems: Vec<Problem>,
    /// How many texts between two tags are the code.
    codes: usize,
    /// The open element whose content is no HTML.
    raw: Option<Raw>,
}

#[derive(Clone, Copy, PartialEq)]
enum Raw {
    Style,
    Title,
}

impl Reading<'_> {
    fn read(&mut self, html: &str, is_page: bool) {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok::<_, Infallible>(token) = token;
            match token {
                Token::StartTag(tag) => {
                    let name = String::from_utf8_lossy(&tag.name).into_owned();
                    self.raw = match name.as_str() {
                        "style" => Some(Raw::Style),
                        "title" => Some(Raw::Title),
                        _ => None,
                    };
                    self.element(&name);
                    for (attribute, value) in &tag.attributes {
                        self.attribute(
                            &name,
                            &String::from_utf8_lossy(attribute),
                            &String::from_utf8_lossy(value),
                        );
                    }
                }
                Token::EndTag(_) => self.raw = None,
                Token::String(text) => self.text(&String::from_utf8_lossy(&text), is_page),
                // Outlook reads what is in comments that begin with [if.
                Token::Comment(comment) if is_page => self.read(&String::from_utf8_lossy(&comment), false),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        self.raw = None;
    }

    fn find(&mut self, problem: impl Into<String>, fix: impl Into<String>, trace: impl Into<String>) {
        self.problems.push(Problem::new(problem, fix).at(trace));
    }

    fn element(&mut self, name: &str) {
        if ELEMENTS.contains(&name) {
            self.find(
                format!("the element {name} is not allowed"),
                "use tables, texts, links and the logo",
                format!("<{name}"),
            );
        }
    }

    fn attribute(&mut self, element: &str, name: &str, value: &str) {
        if value.contains(self.code) {
            let fix = "show the code as text alone: a link would carry it to another server";
            self.find(format!("the attribute {name} has the code in it"), fix, format!("{name}="));
        }
        if name.starts_with("on") || LOADING.contains(&name) {
            let fix = "leave it out: a mail runs nothing and loads nothing but the logo";
            self.find(format!("the attribute {name} is not allowed"), fix, format!("{name}="));
        }
        match name {
            "href" => self.link(value),
            "src" => self.picture(element, value),
            "style" => self.style(value),
            "http-equiv"
                if !["content-type", "x-ua-compatible"].contains(&value.to_ascii_lowercase().as_str()) =>
            {
                self.find(format!("http-equiv={value} is not allowed"), "leave it out", "http-equiv");
            }
            _ => {}
        }
    }

    fn link(&mut self, target: &str) {
        let lower = target.to_ascii_lowercase();
        let is_clean = target.chars().all(|c| c.is_ascii_graphic() || (!c.is_ascii() && !c.is_whitespace()));
        if !is_clean || !SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
            self.find(
                format!("the link to {target} is not allowed"),
                "begin links with https://, mailto: or tel:",
                target,
            );
        }
    }

    fn picture(&mut self, element: &str, address: &str) {
        if element != "img" || self.logo != Some(address) {
            let fix = "show the logo alone: <img src=\"{{ brand.logo.url }}\" alt=\"{{ brand.name }}\">, inside {% if brand.logo %}";
            self.find(format!("{address} would be loaded by <{element}>"), fix, address);
        }
    }

    fn style(&mut self, style: &str) {
        let lower = style.to_ascii_lowercase();
        for refused in STYLES.into_iter().filter(|refused| lower.contains(refused)) {
            self.find(
                format!("the style {refused} is not allowed"),
                "write styles that load and run nothing",
                refused,
            );
        }
    }

    fn text(&mut self, text: &str, is_page: bool) {
        if self.raw == Some(Raw::Style) {
            self.style(text);
            return;
        }
        if is_page && self.raw.is_none() && text.trim() == self.code {
            self.codes += 1;
        }
        self.problems.extend(characters(text, self.code));
    }
}

#[cfg(test)]
mod tests;
