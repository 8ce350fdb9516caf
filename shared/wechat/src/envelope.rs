//! The envelope of pushes in the safe mode: AES-256 in CBC, with the AppID inside (S63).

use aes::Aes256;
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use cbc::{
    Decryptor, Encryptor,
    cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit},
};
use portico_domain::wechat::{AesKey, AppId};

/// The last character of a key carries two bits too many, which need not be zero.
const KEY_ENCODING: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
/// Random bytes in front of everything.
const SALT_BYTES: usize = 16;
/// Bytes that say how long the message is.
const LENGTH_BYTES: usize = 4;
/// Padding fills up to a multiple of this, twice the block of AES.
const PADDED_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;

/// The envelope cannot be opened with this key, or is not for this account. Which of these is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the envelope does not open")]
pub struct BadEnvelope;

/// Seals and opens messages between WeChat and one account with one key.
pub struct Envelope<'a> {
    app: &'a AppId,
    key: [u8; 32],
}

impl<'a> Envelope<'a> {
    /// The envelope of an account with this key.
    pub fn new(app: &'a AppId, key: &AesKey) -> Result<Self, BadEnvelope> {
        let bytes = KEY_ENCODING.decode(format!("{}=", key.as_str())).map_err(|_| BadEnvelope)?;
        Ok(Self { app, key: bytes.try_into().map_err(|_| BadEnvelope)? })
    }

    /// Opens a sealed message (Base64).
    pub fn open(&self, sealed: &str) -> Result<String, BadEnvelope> {
        let bytes = STANDARD.decode(sealed).map_err(|_| BadEnvelope)?;
        let plain = self.decrypt(&bytes)?;
        let padding = usize::from(*plain.last().ok_or(BadEnvelope)?);
        let content = plain.len().checked_sub(padding).ok_or(BadEnvelope)?;
        if !(1..=PADDED_BYTES).contains(&padding) || plain[content..].iter().any(|byte| usize::from(*byte) != padding) {
            return Err(BadEnvelope);
        }
        let rest = plain[..content].get(SALT_BYTES..).ok_or(BadEnvelope)?;
        let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or(BadEnvelope)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadEnvelope)?;
        let (message, app) = rest.split_at_checked(length).ok_or(BadEnvelope)?;
        if app != self.app.as_str().as_bytes() {
            return Err(BadEnvelope);
        }
        String::from_utf8(message.to_vec()).map_err(|_| BadEnvelope)
    }

    /// Seals a message, with 128 random bits in front (Base64).
    pub fn seal(&self, message: &str, salt: [u8; SALT_BYTES]) -> Result<String, BadEnvelope> {
        let length = u32::try_from(message.len()).map_err(|_| BadEnvelope)?;
        let mut bytes = [&salt[..], &length.to_be_bytes(), message.as_bytes(), self.app.as_str().as_bytes()].concat();
        let padding = PADDED_BYTES - bytes.len() % PADDED_BYTES;
        bytes.resize(bytes.len() + padding, u8::try_from(padding).map_err(|_| BadEnvelope)?);
        Ok(STANDARD.encode(self.encrypt(&bytes)))
    }

    /// The first half of the key is the initial block as well; so it is at WeChat.
    fn iv(&self) -> [u8; BLOCK_BYTES] {
        let mut iv = [0; BLOCK_BYTES];
        iv.copy_from_slice(&self.key[..BLOCK_BYTES]);
        iv
    }

    fn decrypt(&self, sealed: &[u8]) -> Result<Vec<u8>, BadEnvelope> {
        let (chunks, []) = sealed.as_chunks::<BLOCK_BYTES>() else {
            return Err(BadEnvelope);
        };
        let mut blocks: Vec<Block<Aes256>> = chunks.iter().map(|chunk| (*chunk).into()).collect();
        Decryptor::<Aes256>::new(&self.key.into(), &self.iv().into()).decrypt_blocks(&mut blocks);
        Ok(blocks.iter().flat_map(|block| block.iter().copied()).collect())
    }

    fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let (chunks, rest) = plain.as_chunks::<BLOCK_BYTES>();
        debug_assert!(rest.is_empty(), "padded above");
        let mut blocks: Vec<Block<Aes256>> = chunks.iter().map(|chunk| (*chunk).into()).collect();
        Encryptor::<Aes256>::new(&self.key.into(), &self.iv().into()).encrypt_blocks(&mut blocks);
        blocks.iter().flat_map(|block| block.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn app(last: char) -> AppId {
        format!("wx123456789012345{last}").try_into().unwrap()
    }

    fn key(letter: &str) -> AesKey {
        letter.repeat(43).try_into().unwrap()
    }

    #[test]
    fn a_key_may_end_in_any_character() {
        for letter in ["A", "b", "9", "k"] {
            let (app, key) = (app('6'), key(letter));
            let envelope = Envelope::new(&app, &key).unwrap();
            assert_eq!(envelope.open(&envelope.seal("你好", [3; 16]).unwrap()).as_deref(), Ok("你好"));
        }
    }

    #[test]
    fn an_envelope_for_another_account_does_not_open() {
        let (ours, theirs, key) = (app('6'), app('7'), key("a"));
        let sealed = Envelope::new(&theirs, &key).unwrap().seal("<xml/>", [0; 16]).unwrap();
        assert_eq!(Envelope::new(&ours, &key).unwrap().open(&sealed), Err(BadEnvelope));
    }

    #[test]
    fn other_texts_do_not_open() {
        let (app, key) = (app('6'), key("a"));
        let envelope = Envelope::new(&app, &key).unwrap();
        for text in ["", "AAAA", "%%%", &STANDARD.encode([0; 16]), &STANDARD.encode([7; 64])] {
            assert_eq!(envelope.open(text), Err(BadEnvelope), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_key_alone(message in ".{0,300}", salt: [u8; 16]) {
            let (app, ours, theirs) = (app('6'), key("a"), key("b"));
            let envelope = Envelope::new(&app, &ours).unwrap();
            let sealed = envelope.seal(&message, salt).unwrap();
            prop_assert_eq!(envelope.open(&sealed), Ok(message));
            prop_assert_eq!(Envelope::new(&app, &theirs).unwrap().open(&sealed), Err(BadEnvelope));
        }

        #[test]
        fn a_changed_byte_at_the_end_does_not_open(message in ".{0,100}", place in 0..32_usize, change in 1..=255_u8) {
            let (app, key) = (app('6'), key("a"));
            let envelope = Envelope::new(&app, &key).unwrap();
            let mut bytes = STANDARD.decode(envelope.seal(&message, [1; 16]).unwrap()).unwrap();
            let last = bytes.len() - 1;
            // The last block holds padding or the end of the AppID, whichever is longer.
            bytes[last - place % 16] ^= change;
            prop_assert_eq!(envelope.open(&STANDARD.encode(bytes)), Err(BadEnvelope));
        }
    }
}
