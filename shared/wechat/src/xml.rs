//! The XML of pushes: one flat element of texts. Document types and references are refused, so there is nothing to expand (S63).

use std::collections::BTreeMap;

use quick_xml::{Reader, events::Event};

/// Not the XML of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the XML of a push")]
pub struct BadXml;

/// How many fields one push may have.
const FIELDS: usize = 64;
/// How deep elements may lie. Some pushes carry lists; nothing of ours is in them.
const DEPTH: usize = 8;

/// The texts directly below the root, by the names of their elements.
pub(crate) fn fields(text: &str) -> Result<BTreeMap<String, String>, BadXml> {
    let mut reader = Reader::from_str(text);
    let mut fields = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    let mut value = String::new();
    let mut roots = 0;
    loop {
        match reader.read_event().map_err(|_| BadXml)? {
            Event::Start(start) => {
                roots += usize::from(open.is_empty());
                open.push(name(start.name().as_ref())?);
                value.clear();
                if open.len() > DEPTH || roots > 1 {
                    return Err(BadXml);
                }
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(BadXml)?;
                if open.len() == 1 && fields.insert(closed, std::mem::take(&mut value)).is_some() {
                    return Err(BadXml);
                }
            }
            Event::Text(text) if open.len() == 2 => value.push_str(text.decode().map_err(|_| BadXml)?.trim()),
            Event::CData(text) if open.len() == 2 => value.push_str(&text.decode().map_err(|_| BadXml)?),
            Event::DocType(_) | Event::GeneralRef(_) | Event::PI(_) => return Err(BadXml),
            Event::Eof => break,
            _ => {}
        }
        if fields.len() > FIELDS {
            return Err(BadXml);
        }
    }
    if roots == 1 && open.is_empty() { Ok(fields) } else { Err(BadXml) }
}

fn name(bytes: &[u8]) -> Result<String, BadXml> {
    String::from_utf8(bytes.to_vec()).map_err(|_| BadXml)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_read_whether_quoted_or_not() {
        let read = fields("<xml><A><![CDATA[a & <b>]]></A><B> 17 </B><C></C><D/><E><F>deep</F></E></xml>").unwrap();
        assert_eq!((read["A"].as_str(), read["B"].as_str(), read["C"].as_str()), ("a & <b>", "17", ""));
        assert!(!read.contains_key("F"));
    }

    #[test]
    fn document_types_and_references_are_refused() {
        for bad in [
            "<!DOCTYPE xml><xml><A>a</A></xml>",
            "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><A>&a;</A></xml>",
            "<!DOCTYPE xml [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><xml><A>&b;</A></xml>",
            "<xml><A>&amp;</A></xml>",
            "<xml><A>&#65;</A></xml>",
            "<?php echo 1 ?><xml><A>a</A></xml>",
            "<xml><A>a</A>",
            "<xml><A>a</B></xml>",
            "<xml><A>a</A></xml><xml></xml>",
            "<xml><A>a</A><A>b</A></xml>",
            "",
            "text",
        ] {
            assert_eq!(fields(bad), Err(BadXml), "{bad}");
        }
    }

    #[test]
    fn depth_and_number_have_limits() {
        assert_eq!(fields(&format!("{}{}", "<a>".repeat(9), "</a>".repeat(9))), Err(BadXml));
        let many: String = (0..100).map(|n| format!("<f{n}>x</f{n}>")).collect();
        assert_eq!(fields(&format!("<xml>{many}</xml>")), Err(BadXml));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}") {
            let _ = fields(&text);
        }
    }
}
