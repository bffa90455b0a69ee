//! `spec.mail`: how the mails look, what they say, and in which language.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::ConfigMapRef;

pub mod sealing;

use sealing::Sealing;

/// How the mails look, what they say, and in which language.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Mail::default")]
#[x_kube(
    validation = Rule::new("!has(self.templates) || self.templates.style != 'Branded' || (has(self.brand) && has(self.brand.name))")
        .message("a branded mail says whose it is: write the name of your product or company into brand.name, such as Ping, or set templates.style to Original"),
    validation = Rule::new("!has(self.templates) || self.templates.style != 'Branded' || (has(self.sealing) && self.sealing.enabled)")
        .message("a branded mail travels sealed: set sealing.enabled to true, or templates.style to Original")
)]
pub struct Mail {
    /// What mails of the style `Branded` show of you.
    pub brand: Brand,
    /// Words and layout.
    pub templates: Templates,
    /// The language of mails of the style `Branded`.
    pub locales: Locales,
    /// Whether codes and addresses can be read on their way through RabbitMQ.
    pub sealing: Sealing,
}

/// What mails of the style `Branded` show of you.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Brand::default")]
pub struct Brand {
    /// The name of your product or company, in the subject and in the text. It must be set for the style `Branded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new(shown("@<>＠﹫＜＞"))
        .message("name cannot be shown in a mail: write a name such as Ping, without @, <, >, line breaks and characters that change the direction of writing"))]
    pub name: Option<String>,
    /// The domain on which users enter the code, such as `example.org`. The text of a mail ends with it, so that mail programs
    /// offer the code there and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 64))]
    #[x_kube(validation = Rule::new(r"self.matches('^[^\\s/:@<>?#%&]+[.][^\\s/:@<>?#%&.0-9][^\\s/:@<>?#%&.]*$')")
        .message("site is not a domain: write one such as example.org, without https:// and a path"))]
    pub site: Option<String>,
    /// The ground behind the name, such as `#2457d6`, which is the default. What stands on it is light or dark, whichever can
    /// be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 7, max = 7))]
    #[x_kube(validation = Rule::new("self.matches('^#[0-9A-Fa-f]{6}$')")
        .message("colour is not a colour: write # and six hexadecimal digits in quotes, such as \"#2457d6\""))]
    pub colour: Option<String>,
    /// A picture in place of the name at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// A line at the end, such as a postal address, in every language as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(validation = Rule::new(shown(""))
        .message("footer cannot be shown in a mail: write one line, without line breaks and characters that change the direction of writing"))]
    pub footer: Option<String>,
    /// The address at which users get help, such as `help@example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 254))]
    #[x_kube(validation = Rule::new(r"self.matches('^[A-Za-z0-9.!$*+/=^_{|}~-]+@([A-Za-z0-9-]+[.])*[A-Za-z0-9-]+$')")
        .message("support is not an address: write one such as help@example.org, without a name and angle brackets"))]
    pub support: Option<String>,
}

/// The rule that a text can be shown in one line of a mail: it has a character that is not a space, and none of `besides`, no
/// control character, no other line break, none that is never seen, and none that changes the direction of writing.
fn shown(besides: &str) -> String {
    let refused = format!(
        r"{besides}\\p{{Cc}}\\x{{61C}}\\x{{200B}}\\x{{200E}}\\x{{200F}}\\x{{2028}}-\\x{{202E}}\\x{{2066}}-\\x{{2069}}\\x{{FEFF}}"
    );
    format!(r"self.matches('^[^{refused}]*[^\\s{refused}][^{refused}]*$')")
}

/// A picture at the top of a mail.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logo {
    /// Where mail programs load it from, such as `https://example.org/logo.png`. Neither the operator nor mail-service asks for it.
    #[schemars(length(min = 12, max = 300))]
    #[x_kube(validation = Rule::new(r"self.matches('^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/[A-Za-z0-9._~:/?@!$&()*+,;=%-]*$')")
        .message("url is not the address of a picture: write one that begins with https://, has a path and no spaces, such as https://example.org/logo.png"))]
    pub url: String,
    /// How wide it is shown, in pixels.
    #[serde(default = "default_width")]
    #[schemars(range(min = 16, max = 400))]
    pub width: i32,
}

fn default_width() -> i32 {
    120
}

/// Words and layout.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Templates {
    /// Which mails are sent.
    pub style: TemplateStyle,
    /// The ConfigMap with words and layouts of your own for the style `Branded`: `words.<language>.json`, `code.html`,
    /// `code.txt`. The operator checks it, and mails use the last one that passed: the condition `TemplatesReady`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapRef>,
    /// Whether the subject of a branded mail has the code in it. Whoever sees the locked screen of a telephone can then read it.
    pub code_in_subject: bool,
}

impl Default for Templates {
    fn default() -> Self {
        Self { style: TemplateStyle::Original, config_map_ref: None, code_in_subject: true }
    }
}

/// Which mails are sent.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplateStyle {
    /// One English line of plain text, as the original service wrote it.
    #[default]
    Original,
    /// Text and HTML with your name, in the user's language.
    Branded,
}

/// The language of mails of the style `Branded`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Locales::default")]
pub struct Locales {
    /// The language of mails for users who ask for none, or for one that there are no words in.
    #[schemars(length(min = 2, max = 35))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$')")
        .message("default is not the tag of a language: write one such as en, pt-BR or zh-Hans"))]
    pub default: String,
    /// Whether the `Accept-Language` of a login counts, where its body names no language.
    pub from_header: bool,
}

impl Default for Locales {
    fn default() -> Self {
        Self { default: "en".to_owned(), from_header: true }
    }
}

impl Mail {
    /// Whether mails have a brand: everything but the style is for those.
    #[must_use]
    pub fn is_branded(&self) -> bool {
        self.templates.style == TemplateStyle::Branded
    }
}
