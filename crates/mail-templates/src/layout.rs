//! Layouts: where the words, the code and the brand stand in the two parts of a mail.

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, syntax::SyntaxConfig};

mod check;
mod tags;
mod variables;

pub(crate) use self::check::{checked, finding};
pub(crate) use self::variables::{Variables, values};

/// The HTML part's file.
pub(crate) const HTML: &str = "code.html";

/// The text part's file.
pub(crate) const TEXT: &str = "code.txt";

const SHIPPED_HTML: &str = include_str!("../layouts/code.html");
const SHIPPED_TEXT: &str = include_str!("../layouts/code.txt");

/// What a layout may spend on one mail, in minijinja's fuel: an instruction or 64 octets cost one. The shipped layouts need
/// less than a twentieth.
pub(crate) const FUEL: u64 = 20_000;

/// One compiled layout.
#[derive(Debug)]
pub(crate) struct Layout {
    environment: Environment<'static>,
    name: &'static str,
}

impl Layout {
    /// Compiles a layout. In `code.html` values are escaped, in `code.txt` not.
    fn compile(name: &'static str, source: String) -> Result<Self, Error> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment
            .set_auto_escape_callback(|name| if name == HTML { AutoEscape::Html } else { AutoEscape::None });
        environment.set_fuel(Some(FUEL));
        // A line with a statement alone leaves no empty line behind.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.add_template_owned(name, source)?;
        Ok(Self { environment, name })
    }

    /// The shipped layout for this part.
    pub(crate) fn shipped(name: &'static str) -> Result<Self, Error> {
        let source = if name == HTML { SHIPPED_HTML } else { SHIPPED_TEXT };
        Self::compile(name, source.to_owned())
    }

    pub(crate) fn render(&self, values: &Value) -> Result<String, Error> {
        self.environment.get_template(self.name)?.render(values)
    }
}

#[cfg(test)]
mod tests;
