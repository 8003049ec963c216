//! Text to tokens.

use super::LONGEST_TEXT;
use crate::error::{LearnError, Result};

/// A word, number, text or sign, with the character at which it stands (from 1).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    Sign(&'static str),
}

/// Signs, longer ones first. Those that only Python has are read so that they can be named.
const SIGNS: &[&str] = &[
    "**", "//", "<<", ">>", "<=", ">=", "==", "!=", ":=", "->", "+", "-", "*", "/", "%", "<", ">",
    "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "&", "^", "~", "@", ";",
];

struct Reader {
    what: &'static str,
    chars: Vec<char>,
    at: usize,
}

pub(super) fn tokens(what: &'static str, text: &str) -> Result<Vec<Token>> {
    if text.len() > LONGEST_TEXT {
        return Err(LearnError::Syntax {
            what,
            at: 1,
            reason: format!("it is longer than {LONGEST_TEXT} bytes"),
        });
    }
    let mut reader = Reader {
        what,
        chars: text.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = reader.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

impl Reader {
    fn wrong<T>(&self, at: usize, reason: impl Into<String>) -> Result<T> {
        Err(LearnError::Syntax {
            what: self.what,
            at: at + 1,
            reason: reason.into(),
        })
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Result<Option<Token>> {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let at = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(None);
        };
        let kind = if first == '"' || first == '\'' {
            self.string(false)?
        } else if first.is_ascii_digit()
            || (first == '.' && self.peek(1).is_some_and(|c| c.is_ascii_digit()))
        {
            self.number()?
        } else if first.is_alphabetic() || first == '_' {
            self.word()?
        } else {
            self.sign()?
        };
        Ok(Some(Token { kind, at: at + 1 }))
    }

    fn sign(&mut self) -> Result<TokenKind> {
        for sign in SIGNS {
            if sign
                .chars()
                .enumerate()
                .all(|(ahead, c)| self.peek(ahead) == Some(c))
            {
                self.at += sign.len();
                return Ok(TokenKind::Sign(sign));
            }
        }
        self.wrong(self.at, "this character means nothing here")
    }

    fn word(&mut self) -> Result<TokenKind> {
        let start = self.at;
        while self
            .peek(0)
            .is_some_and(|c| c.is_alphanumeric() || c == '_')
        {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        if !matches!(self.peek(0), Some('"' | '\'')) {
            return Ok(TokenKind::Name(word));
        }
        match word.to_ascii_lowercase().as_str() {
            "u" | "b" => self.string(false),
            "r" | "ur" | "br" | "rb" => self.string(true),
            _ => self.wrong(start, format!("a text cannot have the prefix {word}")),
        }
    }

    fn number(&mut self) -> Result<TokenKind> {
        let start = self.at;
        while let Some(c) = self.peek(0) {
            let sign_of_exponent = matches!(c, '+' | '-')
                && matches!(self.chars.get(self.at.wrapping_sub(1)), Some('e' | 'E'))
                && !matches!(self.chars.get(start + 1), Some('x' | 'X'));
            if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || sign_of_exponent) {
                break;
            }
            self.at += 1;
        }
        let written: String = self.chars[start..self.at]
            .iter()
            .filter(|c| **c != '_')
            .collect();
        let text = written.strip_suffix(['L', 'l']).unwrap_or(&written);
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
            if let Some(digits) = text.to_ascii_lowercase().strip_prefix(prefix) {
                let number = i64::from_str_radix(digits, radix);
                return number
                    .map(TokenKind::Int)
                    .or_else(|_| self.wrong(start, "this is not a whole number of 64 bits"));
            }
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let number = text.parse().map(TokenKind::Int);
            return number
                .or_else(|_| self.wrong(start, "this whole number has more than 64 bits"));
        }
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|_| written.len() == text.len());
        number.map_or_else(
            || self.wrong(start, "this is not a number"),
            |number| Ok(TokenKind::Float(number)),
        )
    }

    fn string(&mut self, raw: bool) -> Result<TokenKind> {
        let (start, quote) = (self.at, self.peek(0));
        if self.peek(1) == quote && self.peek(2) == quote {
            return self.wrong(start, "texts in triple quotes are not read");
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek(0) else {
                return self.wrong(start, "this text does not end");
            };
            self.at += 1;
            match c {
                _ if Some(c) == quote => return Ok(TokenKind::Text(text)),
                '\n' => return self.wrong(start, "this text does not end on its line"),
                '\\' if raw => {
                    text.push('\\');
                    text.extend(self.peek(0));
                    self.at += 1;
                }
                '\\' => self.escape(&mut text)?,
                _ => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<()> {
        let at = self.at - 1;
        let Some(c) = self.peek(0) else {
            return self.wrong(at, "this text does not end");
        };
        self.at += 1;
        let plain = match c {
            '\n' => return Ok(()),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' => c,
            'x' => return self.code(at, 2, text),
            'u' => return self.code(at, 4, text),
            'U' => return self.code(at, 8, text),
            '0'..='7' => return self.octal(c, text),
            other => {
                text.push('\\');
                other
            }
        };
        text.push(plain);
        Ok(())
    }

    fn code(&mut self, at: usize, digits: usize, text: &mut String) -> Result<()> {
        let hex: String = self.chars.iter().skip(self.at).take(digits).collect();
        self.at += digits;
        let whole = hex.chars().count() == digits && hex.chars().all(|c| c.is_ascii_hexdigit());
        let code = whole
            .then(|| u32::from_str_radix(&hex, 16).ok())
            .flatten()
            .and_then(char::from_u32);
        let Some(code) = code else {
            return self.wrong(at, "this escape names no character");
        };
        text.push(code);
        Ok(())
    }

    fn octal(&mut self, first: char, text: &mut String) -> Result<()> {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.peek(0).and_then(|c| c.to_digit(8)) else {
                break;
            };
            code = code * 8 + digit;
            self.at += 1;
        }
        text.extend(char::from_u32(code));
        Ok(())
    }
}
