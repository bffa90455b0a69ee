use super::{Imports, Reexport};

fn paths(module: &str, text: &str) -> Vec<String> {
    let module = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let imports = Imports::of(text, module).unwrap();
    imports.found.into_iter().map(|import| format!("{} {}", import.line, import.path.join("::"))).collect()
}

#[test]
fn all_branches_of_a_use_are_imports() {
    let text = "use crate::{a, b::{self, c::*, d as e}};\nuse std::{fmt, io};\nuse ::crate_of_others::x;\nuse other::y;";
    assert_eq!(paths("m", text), ["1 a", "1 b", "1 b::c", "1 b::d"]);
}

#[test]
fn supers_and_selfs_are_followed() {
    assert_eq!(
        paths("m::n", "use super::x;\nuse super::super::y;\nuse self::z;"),
        ["1 m::x", "2 y", "3 m::n::z"]
    );
    assert_eq!(
        paths("m", "mod inner {\n use super::super::y;\n mod tests { use super::*; }\n}"),
        ["2 y", "3 m::inner"]
    );
    assert_eq!(paths("m", "use super::*;"), ["1 "]);
}

#[test]
fn paths_in_code_count_and_visibility_does_not() {
    let text = "pub(in crate::a) fn f(x: crate::b::B) -> impl Into<crate::c::C> {\n let crate::d::D { .. } = x;\n super::e::f::<crate::g::G>()\n}";
    assert_eq!(paths("m", text), ["1 b::B", "1 c::C", "2 d::D", "3 e::f", "3 g::G"]);
}

#[test]
fn paths_in_macros_and_attributes_count_and_words_in_texts_do_not() {
    assert_eq!(paths("m", "fn f() { vec![(1, crate::a::A)]; }"), ["1 a::A"]);
    assert_eq!(paths("m", "macro_rules! m { () => { use $crate::{a::b, c}; } }"), ["1 a", "1 c"]);
    assert_eq!(
        paths("m", "#[serde(with = \"crate::a::hex\")]\n#[derive(crate::b::D)]\nstruct S;"),
        ["1 a::hex", "2 b::D"]
    );
    assert_eq!(
        paths(
            "m",
            "/// See crate::a::A, [`crate::a::B`].\n#[doc = \"crate::a\"]\nfn f() { say!(\"crate::a is good\"); }"
        ),
        [""; 0]
    );
}

#[test]
fn the_root_names_rooms_without_crate_and_what_it_shows_is_no_import() {
    let imports = Imports::of("pub use a::{A, b::B as C};\nuse d::D;", Vec::new()).unwrap();
    let found: Vec<_> = imports.found.iter().map(|import| import.path.join("::")).collect();
    assert_eq!(found, ["d::D"]);
    let reexport = |name: &str, path: &[&str]| Reexport {
        name: name.to_owned(),
        path: path.iter().map(|part| (*part).to_owned()).collect(),
    };
    assert_eq!(
        imports.reexports,
        [reexport("A", &["a", "A"]), reexport("C", &["a", "b", "B"]), reexport("D", &["d", "D"])]
    );
}
