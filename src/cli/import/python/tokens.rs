//! Python text cut into tokens: as much of the language as literals need, and nothing of what it means.

use crate::cli::import::python::Malformed;

/// A token, where it stands, and whether its statement is indented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::import) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
    pub(super) indented: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::import) enum Kind {
    Name(String),
    /// A string, its escapes resolved.
    Text(String),
    /// A string that would have to be computed, as `f"{x}"`.
    OtherText,
    /// As it is written.
    Number(String),
    Sign(String),
    /// The end of a statement.
    End,
}

/// Signs of several characters, longest first.
const SIGNS: [&str; 22] = [
    "**=", "//=", ">>=", "<<=", "...", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->",
    ":=", "**", "//", "<<",
];

impl Token {
    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(&self.kind, Kind::Sign(found) if found == sign)
    }

    pub(super) fn opens(&self) -> bool {
        ["(", "[", "{"].iter().any(|sign| self.is(sign))
    }

    pub(super) fn closes(&self) -> bool {
        [")", "]", "}"].iter().any(|sign| self.is(sign))
    }
}

/// Cuts a whole file. Brackets are balanced in what comes back.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Malformed> {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        indented: false,
        open: Vec::new(),
        tokens: Vec::new(),
    };
    lexer.start_of_line();
    while let Some(c) = lexer.rest.chars().next() {
        lexer.token(c)?;
    }
    match lexer.open.first() {
        Some((bracket, line)) => Err(Malformed {
            line: *line,
            text: format!("`{bracket}` is never closed"),
        }),
        None => Ok(lexer.tokens),
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    indented: bool,
    open: Vec<(char, usize)>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn token(&mut self, c: char) -> Result<(), Malformed> {
        match c {
            '\n' => {
                self.advance(1);
                if self.open.is_empty() {
                    self.push(Kind::End);
                    self.start_of_line();
                }
            }
            '\\' if self.rest.starts_with("\\\n") => self.advance(2),
            '\\' if self.rest.starts_with("\\\r\n") => self.advance(3),
            '#' => self.advance(self.rest.find('\n').unwrap_or(self.rest.len())),
            ';' if self.open.is_empty() => {
                self.advance(1);
                self.push(Kind::End);
            }
            c if c.is_whitespace() => self.advance(c.len_utf8()),
            '"' | '\'' => self.string("")?,
            c if c.is_alphabetic() || c == '_' => self.name_or_string()?,
            c if c.is_ascii_digit() => self.number(),
            c => self.sign(c)?,
        }
        Ok(())
    }

    fn start_of_line(&mut self) {
        self.indented = self.rest.starts_with([' ', '\t']);
    }

    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token {
            kind,
            line: self.line,
            indented: self.indented,
        });
    }

    fn advance(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    fn while_chars(&self, accept: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c: char| !accept(c)).unwrap_or(self.rest.len())
    }

    fn name_or_string(&mut self) -> Result<(), Malformed> {
        let length = self.while_chars(|c| c.is_alphanumeric() || c == '_');
        let name = self.rest[..length].to_owned();
        let quoted = self.rest[length..].starts_with(['"', '\'']);
        let is_prefix = length <= 2 && name.chars().all(|c| "rRbBuUfF".contains(c));
        self.advance(length);
        if quoted && is_prefix {
            return self.string(&name.to_ascii_lowercase());
        }
        self.push(Kind::Name(name));
        Ok(())
    }

    fn number(&mut self) {
        let length = self.while_chars(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
        let number = self.rest[..length].to_owned();
        self.push(Kind::Number(number));
        self.advance(length);
    }

    fn sign(&mut self, c: char) -> Result<(), Malformed> {
        let pairs = [('(', ')'), ('[', ']'), ('{', '}')];
        if pairs.iter().any(|(opening, _)| *opening == c) {
            self.open.push((c, self.line));
        } else if let Some((opening, _)) = pairs.iter().find(|(_, closing)| *closing == c) {
            match self.open.pop() {
                Some((found, _)) if found == *opening => {}
                Some((found, line)) => {
                    return self.malformed(format!("`{c}` where `{found}` of line {line} is open"));
                }
                None => return self.malformed(format!("`{c}` closes nothing")),
            }
        }
        let sign = SIGNS
            .iter()
            .find(|sign| self.rest.starts_with(**sign))
            .map_or_else(|| c.to_string(), |sign| (*sign).to_owned());
        let length = sign.len();
        self.push(Kind::Sign(sign));
        self.advance(length);
        Ok(())
    }

    /// A string, from its opening quote on.
    fn string(&mut self, prefix: &str) -> Result<(), Malformed> {
        let quote = &self.rest[..1];
        let triple = quote.repeat(3);
        let quote = if self.rest.starts_with(&triple) {
            triple
        } else {
            quote.to_owned()
        };
        let start = Token {
            kind: Kind::OtherText,
            line: self.line,
            indented: self.indented,
        };
        self.advance(quote.len());
        let mut text = String::new();
        let mut is_literal = !prefix.contains('f');
        loop {
            if self.rest.starts_with(&quote) {
                self.advance(quote.len());
                break;
            }
            let unfinished = self.rest.is_empty() || (quote.len() == 1 && self.rest.starts_with('\n'));
            let Some(c) = self.rest.chars().next().filter(|_| !unfinished) else {
                return Err(Malformed {
                    line: start.line,
                    text: format!("a string that does not end; expected `{quote}`"),
                });
            };
            if c == '\\' && prefix.contains('r') {
                // a backslash stays, and so does what it stands before, even a quote
                let length = self.rest.chars().take(2).map(char::len_utf8).sum();
                text.push_str(&self.rest[..length]);
                self.advance(length);
            } else if c == '\\' {
                is_literal &= self.escape(&mut text);
            } else {
                text.push(c);
                self.advance(c.len_utf8());
            }
        }
        let kind = if is_literal { Kind::Text(text) } else { Kind::OtherText };
        self.tokens.push(Token { kind, ..start });
        Ok(())
    }

    /// Resolves what begins with a backslash; `false` where that would take more than this knows.
    fn escape(&mut self, text: &mut String) -> bool {
        let mut chars = self.rest.chars();
        chars.next();
        let Some(c) = chars.next() else {
            self.advance(1);
            return true;
        };
        let simple = match c {
            '\n' => Some(""),
            '\\' => Some("\\"),
            '\'' => Some("'"),
            '"' => Some("\""),
            'a' => Some("\u{7}"),
            'b' => Some("\u{8}"),
            'f' => Some("\u{c}"),
            'n' => Some("\n"),
            'r' => Some("\r"),
            't' => Some("\t"),
            'v' => Some("\u{b}"),
            _ => None,
        };
        if let Some(simple) = simple {
            text.push_str(simple);
            self.advance(1 + c.len_utf8());
            return true;
        }
        let (skipped, radix, most) = match c {
            'x' => (2, 16, 2),
            'u' => (2, 16, 4),
            'U' => (2, 16, 8),
            '0'..='7' => (1, 8, 3),
            'N' => {
                self.advance(2);
                return false;
            }
            _ => {
                // unknown ones stand for themselves
                text.push('\\');
                self.advance(1);
                return true;
            }
        };
        let digits: String = self.rest[skipped..]
            .chars()
            .take(most)
            .take_while(|c| c.is_digit(radix))
            .collect();
        self.advance(skipped + digits.len());
        match u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32) {
            Some(c) => {
                text.push(c);
                true
            }
            None => false,
        }
    }

    fn malformed<T>(&self, text: String) -> Result<T, Malformed> {
        Err(Malformed { line: self.line, text })
    }
}
