//! The secret that opens the API: what makes one, and whether a request has it.
//!
//! Judges text and compares; reads no file and knows no HTTP. The surprise: the comparison takes as long for a wrong
//! token as for the right one, so that its time tells nothing about the secret.

use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};

/// The longest token, in bytes; a request's head has room for it.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// A shorter token can be guessed in time; it works, with a warning.
pub const ADVISED_TOKEN_BYTES: usize = 16;

/// A token that a request must bring.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<[u8]>);

/// Why a text is no token; each ends a sentence that begins with the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_TOKEN_BYTES`].
    #[error("is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Something that an HTTP header cannot carry as one word.
    #[error("holds more than one word of visible ASCII characters")]
    NotOneWord,
}

impl Token {
    /// The token in a file's text: one word, white space around it does not count.
    ///
    /// # Errors
    /// When there is no word, more than one, or one that no header can carry.
    pub fn parse(text: &[u8]) -> Result<Self, TokenError> {
        let word = text.trim_ascii();
        if word.is_empty() {
            return Err(TokenError::Empty);
        }
        if word.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        if !word.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::NotOneWord);
        }
        Ok(Self(word.into()))
    }

    /// Whether it is short enough to be guessed.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < ADVISED_TOKEN_BYTES
    }

    /// Whether a request brought this token. The time depends on what the request brought alone.
    #[must_use]
    pub fn is(&self, brought: &[u8]) -> bool {
        let secret = self.0.iter().cycle();
        let differences = brought.iter().zip(secret).fold(0, |seen, (ours, theirs)| black_box(seen | (ours ^ theirs)));
        differences == 0 && brought.len() == self.0.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The token in force, shared: its file may get a new one at any time.
#[derive(Clone, Debug)]
pub struct TokenCell(Arc<RwLock<Token>>);

impl TokenCell {
    /// A cell with the token read at start.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self(Arc::new(RwLock::new(token)))
    }

    /// Whether a request brought the token in force.
    #[must_use]
    pub fn is(&self, brought: &[u8]) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is(brought)
    }

    /// Puts another token in force; the one before opens nothing any more.
    pub fn replace(&self, token: Token) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_without_the_white_space_around_it() {
        let token = Token::parse(b"  s3cret-of.a/node+~_=\r\n").unwrap();
        assert!(token.is(b"s3cret-of.a/node+~_="));
        for text in [&b""[..], b" \n\t"] {
            assert_eq!(Token::parse(text), Err(TokenError::Empty));
        }
        for text in [&b"two words"[..], b"two\nlines", b"nul\0byte", "\u{fc}ber".as_bytes(), b"\xff\xfe"] {
            assert_eq!(Token::parse(text), Err(TokenError::NotOneWord), "{text:?}");
        }
        assert!(Token::parse(&[b'a'; MAX_TOKEN_BYTES]).is_ok());
        assert_eq!(Token::parse(&[b'a'; MAX_TOKEN_BYTES + 1]), Err(TokenError::TooLong));
    }

    #[test]
    fn only_the_same_bytes_are_the_token() {
        let token = Token::parse(b"abcabc").unwrap();
        for wrong in ["", "a", "abc", "abcabd", "bbcabc", "abcabcabc", "abcabcabcabc", "ABCABC"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        assert!(token.is(b"abcabc"));
    }

    #[test]
    fn a_replaced_token_opens_nothing() {
        let cell = TokenCell::new(Token::parse(b"before").unwrap());
        cell.clone().replace(Token::parse(b"after").unwrap());
        assert!(cell.is(b"after") && !cell.is(b"before"));
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", Token::parse(b"secret").unwrap()), "Token(..)");
    }
}
