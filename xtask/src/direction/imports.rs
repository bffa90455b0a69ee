//! What a file imports from its own crate: `use` with all its branches, paths in expressions, types and attributes, and
//! paths among the tokens of macros. What is behind `cfg` counts as well, so tests keep the directions too.

use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, ItemMod, ItemUse, Lit, Macro, Meta, Path, UseTree, VisRestricted, Visibility,
};

/// A path into the own crate, without the leading `crate`: empty for the root itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// A name that the root file re-exports, as in `pub use pool::Pool`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reexport {
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

#[derive(Default)]
pub(super) struct Imports {
    /// The module of the code that is read, from the root.
    module: Vec<String>,
    pub(super) found: Vec<Import>,
    pub(super) reexports: Vec<Reexport>,
    /// Modules of the root file that exist in tests alone: `#[cfg(test)] mod fixtures;`.
    pub(super) test_modules: Vec<String>,
}

impl Imports {
    /// Reads the text of `module`; an empty module is the root.
    pub(super) fn of(text: &str, module: Vec<String>) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        let mut imports = Self { module, ..Self::default() };
        imports.visit_file(&file);
        Ok(imports)
    }

    fn add(&mut self, segments: &[String], span: Span) {
        if let Some(path) = self.resolve(segments) {
            self.found.push(Import { line: span.start().line, path });
        }
    }

    /// `None` for a path that leads out of the crate, or down from where it stands.
    fn resolve(&self, segments: &[String]) -> Option<Vec<String>> {
        let (first, rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => parent(&self.module)?,
            // In the root file the rooms' names need no `crate` in front.
            _ if self.module.is_empty() => vec![first.clone()],
            _ => return None,
        };
        for segment in rest {
            match segment.as_str() {
                "self" => {}
                "super" => path = parent(&path)?,
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }

    fn add_tree(&mut self, tree: &UseTree, prefix: &[String], span: Span) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => {
                self.add_tree(&path.tree, &with(path.ident.to_string()), path.ident.span());
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(item, prefix, span)),
            UseTree::Name(name) => self.add(&with(name.ident.to_string()), name.ident.span()),
            UseTree::Rename(rename) => self.add(&with(rename.ident.to_string()), rename.ident.span()),
            UseTree::Glob(_) => self.add(prefix, span),
        }
    }

    fn add_reexports(&mut self, tree: &UseTree, prefix: &[String]) {
        let (name, original) = match tree {
            UseTree::Path(path) => {
                return self.add_reexports(&path.tree, &[prefix, &[path.ident.to_string()]].concat());
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|item| self.add_reexports(item, prefix));
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.rename, &rename.ident),
            UseTree::Glob(_) => return,
        };
        if let Some(path) = self.resolve(&[prefix, &[original.to_string()]].concat()) {
            self.reexports.push(Reexport { name: name.to_string(), path });
        }
    }

    /// Paths among unparsed tokens: those that begin with `crate`, `self` or `super`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => self.add_text(&Lit::new(literal)),
                TokenTree::Ident(first) if ["crate", "self", "super"].iter().any(|word| first == word) => {
                    self.add_rest_of_path(&first, &mut tokens);
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    fn add_rest_of_path(&mut self, first: &Ident, tokens: &mut Peekable<IntoIter>) {
        let mut segments = vec![first.to_string()];
        while tokens.next_if(is_colon).is_some() {
            if let Some(TokenTree::Ident(next)) = tokens.peek() {
                segments.push(next.to_string());
                tokens.next();
            } else if let Some(TokenTree::Group(group)) = tokens.peek() {
                return self.add_branches(group.stream(), &segments);
            }
        }
        if segments.len() > 1 {
            self.add(&segments, first.span());
        }
    }

    /// `{a::b, c}` behind a path, as in a `use` inside a macro.
    fn add_branches(&mut self, tokens: TokenStream, prefix: &[String]) {
        let mut is_first = true;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if is_first => {
                    self.add(&[prefix, &[ident.to_string()]].concat(), ident.span());
                    is_first = false;
                }
                TokenTree::Punct(mark) if mark.as_char() == ',' => is_first = true,
                _ => {}
            }
        }
    }

    /// A path in a string, as in `#[serde(default = "crate::limits::default")]`.
    fn add_text(&mut self, literal: &Lit) {
        if let Lit::Str(text) = literal
            && let Ok(path) = text.parse::<Path>()
        {
            self.add_path(&path);
        }
    }

    fn add_path(&mut self, path: &Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&segments, path.segments[0].ident.span());
        }
    }
}

fn parent(module: &[String]) -> Option<Vec<String>> {
    module.split_last().map(|(_, above)| above.to_vec())
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.parse_args::<Path>().is_ok_and(|path| path.is_ident("test"))
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':')
}

impl<'file> Visit<'file> for Imports {
    fn visit_item_use(&mut self, item: &'file ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        // A name that the root file re-exports is no import of the root: users of the name import from its room.
        if self.module.is_empty() {
            self.add_reexports(&item.tree, &[]);
        }
        if !self.module.is_empty() || matches!(item.vis, Visibility::Inherited) {
            self.add_tree(&item.tree, &[], item.use_token.span);
        }
    }

    fn visit_path(&mut self, path: &'file Path) {
        self.add_path(path);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'file Macro) {
        self.add_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'file Attribute) {
        match &attribute.meta {
            Meta::NameValue(pair) if !pair.path.is_ident("doc") => {
                if let Expr::Lit(ExprLit { lit, .. }) = &pair.value {
                    self.add_text(lit);
                }
            }
            Meta::List(list) => self.add_tokens(list.tokens.clone()),
            _ => {}
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_mod(&mut self, item: &'file ItemMod) {
        if self.module.is_empty() && item.content.is_none() && item.attrs.iter().any(is_cfg_test) {
            self.test_modules.push(item.ident.to_string());
        }
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    /// `pub(in crate::a)` is about visibility, and imports nothing.
    fn visit_vis_restricted(&mut self, _: &'file VisRestricted) {}
}

#[cfg(test)]
mod tests;
