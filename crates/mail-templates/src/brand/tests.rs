use serde_json::json;

use super::{Brand, BrandError, BrandName, Footer, LogoUrl, LogoWidth, Site, SupportAddress};

#[test]
fn a_brand_is_read_as_the_file_has_it_and_written_again() {
    let file = json!({
        "name": "Ping",
        "site": "example.org",
        "colour": "#2457d6",
        "logo": { "url": "https://example.org/logo.png?v=2", "width": 120 },
        "footer": "Ping Ltd, 1 Example Street",
        "support": "help@example.org",
    });
    let brand = serde_json::from_value::<Brand>(file.clone()).unwrap();
    assert_eq!(serde_json::to_value(&brand).unwrap(), file);
    let least = serde_json::from_value::<Brand>(json!({ "name": "Ping" })).unwrap();
    assert_eq!(least, Brand::named("Ping".parse().unwrap()));
}

#[test]
fn a_name_that_could_add_a_header_or_pass_for_an_address_is_refused() {
    let long = "n".repeat(65);
    for name in [
        "",
        "  ",
        "Ping\r\nBcc: x",
        "Ping\nx",
        "Pi\0ng",
        "Pi\u{1b}ng",
        "Ping\u{202e}gnp",
        "\u{2067}Ping",
        "Ping\u{200f}.",
        "Pi\u{2028}ng",
        "Ping\u{200d}",
        "a@b",
        "a＠b",
        "Ping <b>",
        "Ping >",
        &long,
    ] {
        assert_eq!(name.parse::<BrandName>(), Err(BrandError::Name), "{name:?}");
        let error = serde_json::from_value::<Brand>(json!({ "name": name })).unwrap_err().to_string();
        assert!(error.starts_with("the name of a brand"), "{error}");
    }
    for name in ["Ping", " Büro & \"Söhne\" ", "مرحبا", "ピング", "👩\u{200d}💻 Ping", &long[1..]]
    {
        assert_eq!(name.parse::<BrandName>().unwrap().as_str(), name.trim());
    }
}

#[test]
fn a_site_is_a_domain_in_punycode() {
    for (text, domain) in [
        ("example.org", "example.org"),
        ("Login.Example.ORG", "login.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(text.parse::<Site>().unwrap().as_str(), domain);
    }
    let long = format!("{}.{}.org", "a".repeat(40), "b".repeat(40));
    for text in [
        "",
        "localhost",
        "https://example.org",
        "example.org/",
        "example.org:443",
        "a b.org",
        "example.org.",
        "192.0.2.1",
        "-a.org",
        "a@b.org",
        "x\n.org",
        &long,
    ] {
        assert_eq!(text.parse::<Site>(), Err(BrandError::Site), "{text:?}");
    }
}

#[test]
fn a_logo_that_is_not_behind_https_or_too_long_is_refused() {
    let long = format!("https://example.org/{}", "a".repeat(4980));
    for url in [
        "http://example.org/logo.png",
        "HTTPS://example.org/logo.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "//example.org/logo.png",
        "https://",
        "https:///logo.png",
        "https://user@example.org/logo.png",
        "https://example.org/a b.png",
        "https://example.org/\"onerror=x",
        "https://example.org/<script>",
        "https://exämple.org/logo.png",
        &long,
    ] {
        assert_eq!(url.parse::<LogoUrl>(), Err(BrandError::LogoUrl), "{url}");
    }
    for url in ["https://example.org/logo.png", "https://cdn.example.org:8443/a%20b.svg?v=1&w=2#x"] {
        assert_eq!(url.parse::<LogoUrl>().unwrap().as_str(), url);
    }
    for (pixels, allowed) in [(0, false), (15, false), (16, true), (400, true), (401, false)] {
        assert_eq!(LogoWidth::try_from(pixels).is_ok(), allowed, "{pixels}");
    }
}

#[test]
fn a_footer_is_one_line_and_a_support_address_fits_into_a_link() {
    assert!("</table> & \"so on\"".parse::<Footer>().is_ok());
    for text in ["", "a\nb", "a\u{202e}b", &"f".repeat(501)] {
        assert_eq!(text.parse::<Footer>(), Err(BrandError::Footer), "{text:?}");
    }
    assert_eq!("O'Neil+x@Example.org".parse::<SupportAddress>().unwrap().as_str(), "o'neil+x@example.org");
    for text in ["", "help", "a?bcc=x@example.org", "a%0a@example.org", "a&b@example.org", "a@b@example.org"]
    {
        assert_eq!(text.parse::<SupportAddress>(), Err(BrandError::Support), "{text}");
    }
}

#[test]
fn a_field_with_another_name_is_refused_with_its_line() {
    let error =
        serde_json::from_str::<Brand>("{\n\"name\": \"Ping\",\n\"color\": \"#2457d6\"\n}").unwrap_err();
    assert!(error.line() == 3 && error.to_string().contains("unknown field `color`"), "{error}");
}
