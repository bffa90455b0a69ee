use std::time::{Duration, Instant};

use minijinja::Value;

use super::{HTML, Layout, TEXT, check, checked};

/// The findings of a layout, shown.
fn findings(name: &'static str, source: &str) -> Vec<String> {
    checked(name, source).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_layouts_pass_their_own_checks() {
    for (name, source) in [(HTML, super::SHIPPED_HTML), (TEXT, super::SHIPPED_TEXT)] {
        assert!(Layout::shipped(name).is_ok());
        assert!(findings(name, source).is_empty(), "{:?}", findings(name, source));
    }
}

#[test]
fn an_unknown_variable_is_refused_with_its_line_and_the_names_that_exist() {
    let findings = findings(HTML, "<p>\n{{ code }}\n{{ cod }}\n{% if brand.nme %}{{ brand.nme }}{% endif %}");
    assert_eq!(findings.len(), 2);
    assert!(
        findings[0]
            .starts_with("code.html:4: there is no variable brand.nme: the variables are code, minutes,")
    );
    assert!(
        findings[1].starts_with("code.html:3: there is no variable cod: the variables are code, minutes,")
    );
    for source in
        ["{{ brand }}", "{{ words }}", "{{ subject }}", "{% set b = brand %}{{ b.name }}", "{{ loop.index }}"]
    {
        assert_eq!(self::findings(HTML, source).len(), 1, "{source}");
    }
}

#[test]
fn what_is_not_a_value_a_test_or_a_loop_is_refused() {
    for (source, problem) in [
        ("{% include '/etc/passwd' %}", "the statement include is not allowed"),
        ("{%- import 'x' as y -%}", "the statement import is not allowed"),
        ("{% extends 'x' %}", "the statement extends is not allowed"),
        ("{% block x %}{% endblock %}", "the statement block is not allowed"),
        ("{% macro x() %}{% endmacro %}", "the statement macro is not allowed"),
        ("{% call x() %}{% endcall %}", "the statement call is not allowed"),
        ("{% autoescape false %}{% endautoescape %}", "the statement autoescape is not allowed"),
        ("{% filter safe %}{% endfilter %}", "the statement filter is not allowed"),
        ("{% raw %}{{ code }}{% endraw %}", "the statement raw is not allowed"),
        ("{% do x %}", "the statement do is not allowed"),
        ("{% with x = code %}{% endwith %}", "the statement with is not allowed"),
        ("{% %}", "the statement  is not allowed"),
        ("{{ code|safe }}", "filters such as |safe are not allowed"),
        ("{% if false %}{{ code | upper }}{% endif %}", "filters such as |safe are not allowed"),
        ("{% set x | upper %}a{% endset %}", "filters such as |safe are not allowed"),
        ("{{ '}}' ~ code|safe }}", "filters such as |safe are not allowed"),
        ("{{ '\\'}}' ~ code|safe }}", "filters such as |safe are not allowed"),
        ("{% if brand.site is defined %}{% endif %}", "tests with `is` are not allowed"),
        ("{{ range(9) }}", "calls, brackets and maps are not allowed"),
        ("{{ code.upper() }}", "calls, brackets and maps are not allowed"),
        ("{{ {'a': {'b': 1}} }}", "calls, brackets and maps are not allowed"),
    ] {
        let source = format!("a\n{source}");
        let findings = findings(HTML, &source);
        assert!(
            findings.iter().any(|finding| finding.starts_with(&format!("code.html:2: {problem}"))),
            "{source}: {findings:?}"
        );
    }
}

#[test]
fn texts_and_comments_are_not_taken_for_code() {
    let source = "{# {{ cod|safe }} {% include 'x' %} #}{% if brand.name == 'a|b is (c)' or minutes > 1 %}{{ \"'|\" }}{% endif %} { | is";
    assert_eq!(findings(HTML, source), Vec::<String>::new());
}

#[test]
fn a_tag_that_is_not_closed_is_refused_with_its_line() {
    for source in [
        "a\n{{ code",
        "a\n{% if code %}",
        "a\n{% if %}{% endif %}",
        "a\n{{ code code }}",
        "a\n{% endif %}",
        "a\n{{ 'x }}",
    ] {
        let findings = findings(TEXT, source);
        assert!(findings.len() == 1 && findings[0].starts_with("code.txt:2: "), "{source}: {findings:?}");
    }
}

#[test]
fn a_layout_that_does_too_much_runs_out_of_fuel_in_10_ms() {
    let doubled =
        "{% set x = 'xxxxxxxxxxxxxxxx' %}".to_owned() + &"{% set x = x ~ x %}".repeat(40) + "{{ x }}";
    let loops = "{% for a in 'x' * 100000 %}{% for b in 'x' * 100000 %}{{ a }}{% endfor %}{% endfor %}";
    let short_loops = "{% for a in code %}{% for b in code %}{% for c in code %}{% for d in code %}{% for e in code %}{% for f in code %}x\
                       {% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}";
    for source in [
        loops,
        short_loops,
        &doubled,
        "{{ 'x' * 100000000 }}",
        "{% for a in 'x' * 19999 %}{{ 'x' * 900 }}{% endfor %}",
    ] {
        let layout = checked(HTML, source).unwrap();
        let code = std::collections::BTreeMap::from([("code", Value::from("482931"))]);
        let values = Value::from(code);
        let begun = Instant::now();
        let error = layout.render(&values).unwrap_err();
        let took = begun.elapsed();
        let finding = check::finding(HTML, &error).to_string();
        assert!(finding.contains("fuel"), "{source}: {finding}");
        // Ten times as long for a test without optimisation on a busy machine.
        assert!(took < Duration::from_millis(100), "{source}: {took:?}");
    }
}
