//! Takes an administrator's files and tries them.

use std::collections::BTreeMap;

use super::{Mail, Templates, samples};
use crate::{
    checks::{self, Problem},
    finding::{Finding, line_at, line_of},
    language::LanguageTag,
    layout::{self, HTML, Layout, TEXT},
    words::{self, Catalogues},
};

/// The largest file, in octets.
const MAX_FILE: usize = 64 * 1024;

/// The most octets of all files together.
const MAX_FILES: usize = 512 * 1024;

const KNOWN: &str = "the files are words.<language tag>.json, code.html and code.txt";

/// What was read of the files.
#[derive(Default)]
struct Own {
    catalogues: Catalogues,
    html: Option<(String, Layout)>,
    text: Option<(String, Layout)>,
}

pub(super) fn load(files: BTreeMap<String, Vec<u8>>) -> Result<Templates, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut own = Own::default();
    let octets = files.values().map(Vec::len).sum::<usize>();
    if octets > MAX_FILES {
        let file = files
            .into_iter()
            .max_by_key(|(_, content)| content.len())
            .map_or_else(String::new, |(name, _)| name);
        let problem = format!("all files together have {octets} octets");
        return Err(vec![Finding::new(
            &file,
            None,
            problem,
            format!("make them smaller: {MAX_FILES} are allowed"),
        )]);
    }
    for (name, content) in files {
        if let Err(found) = own.take(&name, content, &mut findings) {
            findings.push(found);
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    own.tried()
}

impl Own {
    fn take(&mut self, name: &str, content: Vec<u8>, findings: &mut Vec<Finding>) -> Result<(), Finding> {
        let find = |problem: String, fix: &str| Finding::new(name, None, problem, fix);
        let tag = name.strip_prefix("words.").and_then(|rest| rest.strip_suffix(".json"));
        if tag.is_none() && name != HTML && name != TEXT {
            return Err(find("there is no file of this name".to_owned(), KNOWN));
        }
        if content.len() > MAX_FILE {
            let fix = format!("make it smaller: {MAX_FILE} are allowed");
            return Err(find(format!("it has {} octets", content.len()), &fix));
        }
        let source = String::from_utf8(content)
            .map_err(|error| find(format!("it is not UTF-8 ({error})"), "save it as UTF-8"))?;
        // As some editors save files.
        let source = source.strip_prefix('\u{feff}').unwrap_or(&source).replace("\r\n", "\n");
        if let Some(at) = source.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
            let problem = "there is a control character";
            return Err(Finding::new(name, Some(line_at(&source, at)), problem, "delete it"));
        }
        let Some(tag) = tag else {
            self.take_layout(if name == HTML { HTML } else { TEXT }, source, findings);
            return Ok(());
        };
        let tag = tag.parse::<LanguageTag>().map_err(|error| find(error.to_string(), KNOWN))?;
        let catalogue = words::read(name, &tag, &source, findings);
        if self.catalogues.insert(tag.clone(), catalogue).is_some() {
            return Err(find(format!("another file has the words of {tag} too"), "keep one of them"));
        }
        Ok(())
    }

    fn take_layout(&mut self, name: &'static str, source: String, findings: &mut Vec<Finding>) {
        match layout::checked(name, &source) {
            Ok(layout) if name == HTML => self.html = Some((source, layout)),
            Ok(layout) => self.text = Some((source, layout)),
            Err(found) => findings.extend(found),
        }
    }

    /// The templates, if every language can be rendered with every sample.
    fn tried(self) -> Result<Templates, Vec<Finding>> {
        let (html_source, html) = self.html.unzip();
        let (text_source, text) = self.text.unzip();
        let templates = Templates::new(&self.catalogues, html, text);
        let mut findings = Vec::new();
        findings.extend(try_part(&templates, HTML, html_source.as_deref().unwrap_or_default()));
        findings.extend(try_part(&templates, TEXT, text_source.as_deref().unwrap_or_default()));
        if findings.is_empty() { Ok(templates) } else { Err(findings) }
    }
}

/// The findings of the first sample that has any.
fn try_part(templates: &Templates, name: &'static str, source: &str) -> Vec<Finding> {
    let brands = match samples::brands() {
        Ok(brands) => brands,
        // Never, as a test shows; but nothing counts as checked without them.
        Err(error) => {
            return vec![Finding::new(name, None, format!("it cannot be tried ({error})"), "report this")];
        }
    };
    for brand in &brands {
        for language in &templates.languages {
            for minutes in samples::MINUTES {
                let mail = Mail {
                    code: samples::CODE,
                    minutes,
                    brand,
                    wishes: std::slice::from_ref(language),
                    default_language: language,
                    code_in_subject: true,
                };
                let findings = try_mail(templates, name, source, &mail);
                if !findings.is_empty() {
                    return findings;
                }
            }
        }
    }
    Vec::new()
}

fn try_mail(templates: &Templates, name: &'static str, source: &str, mail: &Mail<'_>) -> Vec<Finding> {
    let values = templates.fill(mail).values;
    let part = if name == HTML { &templates.html } else { &templates.text };
    let rendered = match part.first(&values) {
        Ok(rendered) => rendered,
        Err(error) => return vec![layout::finding(name, &error)],
    };
    let problems = if name == TEXT {
        checks::text(&rendered, mail.code)
    } else {
        checks::html(&rendered, mail.code, mail.brand.logo.as_ref().map(|logo| logo.url.as_str()))
    };
    problems.into_iter().map(|problem| finding(name, source, mail, problem)).collect()
}

fn finding(name: &str, source: &str, mail: &Mail<'_>, problem: Problem) -> Finding {
    let line = problem.trace.and_then(|trace| line_of(source, &trace));
    let language = mail.default_language;
    Finding::new(name, line, format!("{} (in a mail in {language})", problem.what), problem.fix)
}

#[cfg(test)]
mod tests;
