use super::html;

const LOGO: &str = "https://example.org/logo.png";

fn problems(page: &str) -> Vec<String> {
    html(page, "482931", Some(LOGO)).into_iter().map(|problem| problem.what).collect()
}

/// The problems of something beside a code.
fn beside_code(content: &str) -> Vec<String> {
    problems(&format!("<!DOCTYPE html><html><body>{content}<p>482931</p></body></html>"))
}

#[test]
fn a_decent_mail_has_no_problem() {
    let content = format!(
        "<title>482931</title><style>.a > b {{ color: red }}</style><!--[if mso]><table><tr><td><![endif]-->\
         <meta http-equiv=\"Content-Type\" content=\"text/html\"><img src='{LOGO}' alt=\"Ping\">\
         <a href=\"https://example.org/?a=1&amp;b=2\">x</a> <a href=\"mailto:help@example.org\">y</a> <a href=tel:+4912>z</a>\
         <div style=\"display:none\">Your code is 482931.</div>"
    );
    assert_eq!(beside_code(&content), Vec::<String>::new());
}

#[test]
fn what_runs_or_loads_is_refused() {
    for content in [
        "<script>alert(1)</script>",
        "<SCRIPT src=x>",
        "<form><input></form>",
        "<iframe src=\"https://example.org\"></iframe>",
        "<object data=x></object>",
        "<svg onload=alert(1)>",
        "<link rel=stylesheet href=\"https://example.org/a.css\">",
        "<base href=\"https://example.org/\">",
        "<p onclick=alert(1)>",
        "<p OnMouseOver = 'alert(1)'>",
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>a{background:URL(https://example.org/a.png)}</style>",
        "<p style=\"background:u\\72l(https://example.org/a.png)\">",
        "<p style='background:image-set(\"https://example.org/a.png\" 1x)'>",
        "<td background=\"https://example.org/a.png\">",
        "<img srcset=\"https://example.org/a.png 1x\">",
        "<img src=\"https://example.org/pixel.gif\">",
        "<img src=\"cid:logo\">",
        "<v:fill src=\"https://example.org/logo.png\">",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\" java\nscript:alert(1)\">x</a>",
        "<a href=\"&#106;avascript:alert(1)\">x</a>",
        "<a href=\"http://example.org\">x</a>",
        "<a href=\"data:text/html,x\">x</a>",
        "<a href=\"//example.org\">x</a>",
        "<a href=\"\">x</a>",
        "<a href=\"https://example.org/?code=482931\">x</a>",
        "<meta http-equiv=refresh content=0>",
        "<!--[if mso]><img src=\"https://example.org/pixel.gif\"><![endif]-->",
        "<noscript><img src=\"https://example.org/pixel.gif\"></noscript>",
        "<textarea></textarea>",
    ] {
        assert!(!beside_code(content).is_empty(), "{content}");
    }
}

#[test]
fn the_code_must_be_one_text() {
    for page in [
        "<p>Sign in</p>",
        "<p><span>4</span><span>8</span><span>2</span><span>9</span><span>3</span><span>1</span></p>",
        "<p>482<!-- -->931</p>",
        "<p>482 931</p>",
        "<p>482&#8203;931</p>",
        "<p>Your code: 482931</p>",
        "<title>482931</title>",
        "<style>482931</style>",
        "<!--<p>482931</p>-->",
    ] {
        assert!(problems(page).iter().any(|problem| problem.contains("lacks the code")), "{page}");
    }
    for page in ["<p>482931</p>", "<p>\n  482931\n</p>", "<p>4829&#51;1</p>"] {
        assert_eq!(problems(page), Vec::<String>::new(), "{page}");
    }
}

#[test]
fn hidden_characters_are_found_in_any_spelling() {
    for text in [
        "&#x200b;482931",
        "482931&zwnj;",
        "482931&lrm; x",
        "a &rlm; b",
        "a \u{202e} b",
        "&#8296;482931&#8297;",
    ] {
        assert!(!beside_code(&format!("<p>{text}</p>")).is_empty(), "{text}");
    }
    assert!(beside_code("<p>a &zwnj;&nbsp; b</p>").is_empty());
}

#[test]
fn more_than_60_kb_is_refused() {
    assert!(beside_code(&"x".repeat(59_900)).is_empty());
    assert_eq!(beside_code(&"x".repeat(61_000)), ["the part has 61054 octets"]);
}
