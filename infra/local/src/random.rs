//! Identifiers and secrets of the stand-ins.

use portico_runtime::entropy;

/// `length` letters and digits, as Secrets Manager generates them without punctuation.
pub(crate) fn alphanumeric(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 248 = 4 * 62: beyond it the first letters would be likelier.
        let fair = bytes::<64>().into_iter().filter(|byte| *byte < 248).take(length - text.len());
        text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    text
}

/// A random identifier in the form of a UUID.
pub(crate) fn uuid() -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes()));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[expect(clippy::expect_used, reason = "a machine without randomness cannot run the cloud")]
fn bytes<const N: usize>() -> [u8; N] {
    entropy::bytes().expect("the operating system gives random bytes")
}
