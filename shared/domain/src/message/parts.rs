//! How many SMS a text is (F38).

use crate::address::Address;

/// What the only numbers begin with whose carriers count every text alike.
const MAINLAND: &str = "+86";

/// How a carrier counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleSet {
    /// Characters, as UTF-16 has them: 70 in one SMS, 67 in each part of a longer one (3GPP TS 23.038, UCS-2).
    Characters,
    /// 160 septets in one SMS, 153 in each part of a longer one, as long as all characters are in the GSM alphabet (3GPP TS 23.038,
    /// 6.2.1); else as [`RuleSet::Characters`].
    Gsm7,
}

/// The characters that take one septet (3GPP TS 23.038, 6.2.1).
const BASIC: &str =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The characters that take two, the first an escape (6.2.1.1).
const EXTENDED: &str = "\u{C}^{}\\[~]|€";

impl RuleSet {
    /// How SMS to a number are counted.
    pub fn of(to: &Address) -> Self {
        if to.as_str().starts_with(MAINLAND) { Self::Characters } else { Self::Gsm7 }
    }
}

/// How many SMS `text` is, its signature included (F38). Nothing is none.
pub fn parts(text: &str, rules: RuleSet) -> u32 {
    let septets = match rules {
        RuleSet::Characters => None,
        RuleSet::Gsm7 => septets(text),
    };
    match septets {
        Some(septets) => split(septets, 160, 153),
        None => split(text.encode_utf16().count(), 70, 67),
    }
}

fn septets(text: &str) -> Option<usize> {
    text.chars().map(|c| if BASIC.contains(c) { Some(1) } else { EXTENDED.contains(c).then_some(2) }).sum()
}

fn split(length: usize, one: usize, each: usize) -> u32 {
    let parts = match length {
        0 => 0,
        length if length <= one => 1,
        length => length.div_ceil(each),
    };
    u32::try_from(parts).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: RuleSet = RuleSet::Characters;
    const G: RuleSet = RuleSet::Gsm7;

    /// `times` of `piece`.
    fn of(piece: &str, times: usize) -> String {
        piece.repeat(times)
    }

    #[test]
    fn parts_are_counted_as_the_rule_says() {
        // The last column follows from the rule (70, then 67 each; 160, then 153 each), not from the code.
        let cases: [(RuleSet, String, u32, &str); 49] = [
            (C, String::new(), 0, "nothing"),
            (C, of("a", 1), 1, "one letter"),
            (C, of("a", 69), 1, "69"),
            (C, of("a", 70), 1, "70"),
            (C, of("a", 71), 2, "71"),
            (C, of("a", 134), 2, "134 = 2 x 67"),
            (C, of("a", 135), 3, "135"),
            (C, of("a", 201), 3, "201 = 3 x 67"),
            (C, of("a", 202), 4, "202"),
            (C, of("a", 268), 4, "268 = 4 x 67"),
            (C, of("a", 269), 5, "269"),
            (C, of("a", 500), 8, "500: 7 x 67 = 469, 8 x 67 = 536"),
            (C, of("中", 70), 1, "70 ideographs"),
            (C, of("中", 71), 2, "71 ideographs"),
            (C, of("中", 134), 2, "134 ideographs"),
            (C, of("中", 135), 3, "135 ideographs"),
            (C, of("Ａ", 70), 1, "70 full-width letters"),
            (C, of("Ａ", 71), 2, "71 full-width letters"),
            (C, of("１", 135), 3, "135 full-width digits"),
            (C, of("😀", 35), 1, "an emoji is two units: 70"),
            (C, of("😀", 36), 2, "72"),
            (C, of("😀", 67), 2, "134"),
            (C, of("😀", 68), 3, "136"),
            (C, format!("{}a", of("😀", 35)), 2, "71 by one letter"),
            (C, of("👨‍👩‍👧", 8), 1, "a family is eight units: 64"),
            (C, of("👨‍👩‍👧", 9), 2, "72"),
            (C, of("e\u{301}", 35), 1, "an accent of its own is a unit: 70"),
            (C, of("e\u{301}", 36), 2, "72"),
            (C, of("é", 70), 1, "a composed one is one"),
            (C, of("𠮷", 35), 1, "an ideograph beyond the basic plane is two: 70"),
            (C, of("𠮷", 36), 2, "72"),
            (C, format!("【{}】{}", of("签", 20), of("字", 48)), 1, "signature of 20 in brackets, 48: 70"),
            (C, format!("【{}】{}", of("签", 20), of("字", 49)), 2, "71"),
            (C, format!("【{}】{}", of("签", 20), of("字", 112)), 2, "134"),
            (C, format!("【{}】{}", of("签", 20), of("字", 113)), 3, "135"),
            (C, format!("【A】{}", of("x", 67)), 1, "signature of 1: 70"),
            (C, format!("【A】{}", of("x", 68)), 2, "71"),
            (C, of("a\n", 35), 1, "a line end is a character: 70"),
            (G, of("a", 160), 1, "160 septets"),
            (G, of("a", 161), 2, "161"),
            (G, of("a", 306), 2, "306 = 2 x 153"),
            (G, of("a", 307), 3, "307"),
            (G, of("€", 80), 1, "the euro takes two: 160"),
            (G, of("€", 81), 2, "162"),
            (G, of("[]", 40), 1, "so do brackets: 160"),
            (G, format!("{}中", of("a", 69)), 1, "one ideograph, and all are units: 70"),
            (G, format!("{}中", of("a", 70)), 2, "71"),
            (G, format!("【A】{}", of("a", 67)), 1, "the brackets of a signature are not in the alphabet: 70"),
            (G, format!("【A】{}", of("a", 68)), 2, "71"),
        ];
        for (rules, text, expected, why) in cases {
            assert_eq!(parts(&text, rules), expected, "{rules:?}, {why}");
        }
    }

    #[test]
    fn the_gsm_alphabet_is_complete() {
        assert_eq!((BASIC.chars().count(), EXTENDED.chars().count()), (127, 10), "128 with the escape itself");
        assert_eq!(parts(&of("`", 71), G), 2, "the grave accent is not in it");
        assert_eq!(parts(&of("ç", 71), G), 2, "nor is the small c with a cedilla");
    }

    #[test]
    fn carriers_of_the_mainland_count_characters() {
        let rules = |number: &str| RuleSet::of(&Address::try_from(number.to_owned()).unwrap());
        assert_eq!(rules("+8613800138000"), C);
        assert_eq!(rules("+85251234567"), G);
    }
}
