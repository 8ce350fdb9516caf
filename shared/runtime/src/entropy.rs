//! The one place that draws randomness: the operating system's generator, at each call (S1).

/// The operating system gave no random bytes. Nothing that needs them can go on.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system's generator failed")]
pub struct NoEntropy;

/// `N` random bytes.
#[expect(clippy::disallowed_methods, reason = "this is the generator")]
pub fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// 32 random bits.
pub fn word() -> Result<u32, NoEntropy> {
    bytes().map(u32::from_ne_bytes)
}

/// 128 random bits, for identifiers.
pub fn wide() -> Result<u128, NoEntropy> {
    bytes().map(u128::from_ne_bytes)
}
