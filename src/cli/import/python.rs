//! A Python file read for its literals: top-level assignments such as `REPOS = {…}`. Nothing is executed.
//!
//! What is not a literal is skipped and told: a value is [`Literal::Other`] in its place, a statement is in `skipped`.

use crate::cli::import::python::tokens::{Kind, Token};

pub(super) mod tokens;

/// Deeper values than any configuration has; each level takes stack.
const DEEPEST: usize = 64;

/// A file, as far as it is literal.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Module {
    /// In the order of the file; of a name that is assigned twice, the later one counts.
    pub(super) assignments: Vec<(String, Located)>,
    /// Statements that were not understood.
    pub(super) skipped: Vec<Skipped>,
}

/// A value and the line where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    pub(super) line: usize,
    pub(super) value: Literal,
}

/// What a literal is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    /// As it is written.
    Number(String),
    Bool(bool),
    None,
    /// A list, a tuple or a set.
    List(Vec<Located>),
    Dict(Vec<(Located, Located)>),
    /// An expression that would have to be executed.
    Other,
}

/// A statement that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) line: usize,
    /// What it is, in words.
    pub(super) what: String,
}

/// Why a text is not Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Module {
    /// The value a name has at the end of the file.
    pub(super) fn find(&self, name: &str) -> Option<&Located> {
        self.assignments
            .iter()
            .rev()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }
}

impl Located {
    /// What it is, in words, without its content.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Literal::Text(_) => "a text",
            Literal::Number(_) => "a number",
            Literal::Bool(_) => "True or False",
            Literal::None => "None",
            Literal::List(_) => "a list",
            Literal::Dict(_) => "a dict",
            Literal::Other => "not a literal",
        }
    }
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<Module, Malformed> {
    let tokens = tokens::tokens(text)?;
    let mut module = Module::default();
    for statement in tokens.split(|token| token.kind == Kind::End) {
        // what is indented belongs to the `if` or `def` above it, which was told
        match statement.first() {
            Some(first) if !first.indented => statement_into(&mut module, statement, first)?,
            Some(_) | None => {}
        }
    }
    Ok(module)
}

fn statement_into(module: &mut Module, statement: &[Token], first: &Token) -> Result<(), Malformed> {
    let is_documentation = statement
        .iter()
        .all(|token| matches!(token.kind, Kind::Text(_) | Kind::OtherText));
    let Kind::Name(name) = &first.kind else {
        if !is_documentation {
            module.skipped.push(Skipped {
                line: first.line,
                what: "a statement that is no assignment".to_owned(),
            });
        }
        return Ok(());
    };
    let mut skip = |what: String| module.skipped.push(Skipped { line: first.line, what });
    match name.as_str() {
        "pass" => {}
        "if" | "for" | "while" | "try" | "else" | "elif" | "except" | "finally" | "with" | "def" | "class" => {
            skip(format!("`{name}` and what is in it"));
        }
        _ => match assigned(statement) {
            None => skip(format!("a statement that begins with `{name}`")),
            Some(value) => {
                let value = Reader { rest: value, depth: 0 }.values_to_the_end(first.line)?;
                module.assignments.push((name.clone(), value));
            }
        },
    }
    Ok(())
}

/// What is assigned by `NAME = …` and `NAME: annotation = …`.
fn assigned(statement: &[Token]) -> Option<&[Token]> {
    let (sign, rest) = statement.get(1..)?.split_first()?;
    match &sign.kind {
        Kind::Sign(sign) if sign == "=" => Some(rest),
        Kind::Sign(sign) if sign == ":" => {
            let at = rest.iter().position(|token| token.is("="))?;
            rest.get(at + 1..)
        }
        Kind::Sign(_) | Kind::Name(_) | Kind::Text(_) | Kind::OtherText | Kind::Number(_) | Kind::End => None,
    }
}

struct Reader<'a> {
    rest: &'a [Token],
    depth: usize,
}

impl Reader<'_> {
    /// One value, or several with commas, which are a tuple.
    fn values_to_the_end(&mut self, line: usize) -> Result<Located, Malformed> {
        let first = self.value(&[])?;
        if self.rest.is_empty() {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.eat(",") {
            if !self.rest.is_empty() {
                items.push(self.value(&[])?);
            }
        }
        let value = if self.rest.is_empty() {
            Literal::List(items)
        } else {
            Literal::Other
        };
        Ok(Located { line, value })
    }

    /// A value up to a comma, the end of the bracket around it, or one of `ends`. Anything longer than a literal is none.
    fn value(&mut self, ends: &[&str]) -> Result<Located, Malformed> {
        let line = self.rest.first().map_or(0, |token| token.line);
        let before = self.rest;
        let value = self.atom()?;
        let ended = self
            .rest
            .first()
            .is_none_or(|token| token.is(",") || token.closes() || ends.iter().any(|end| token.is(end)));
        if ended && value != Literal::Other {
            return Ok(Located { line, value });
        }
        self.rest = before;
        self.skip(ends);
        Ok(Located {
            line,
            value: Literal::Other,
        })
    }

    fn atom(&mut self) -> Result<Literal, Malformed> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Ok(Literal::Other);
        };
        self.rest = rest;
        match &first.kind {
            Kind::Text(text) => Ok(self.texts(text)),
            Kind::Number(number) => Ok(Literal::Number(number.clone())),
            Kind::Name(name) => Ok(match name.as_str() {
                "True" => Literal::Bool(true),
                "False" => Literal::Bool(false),
                "None" => Literal::None,
                _ => Literal::Other,
            }),
            Kind::Sign(sign) => match sign.as_str() {
                "-" | "+" => match self.rest.split_first() {
                    Some((
                        Token {
                            kind: Kind::Number(number),
                            ..
                        },
                        rest,
                    )) => {
                        self.rest = rest;
                        Ok(Literal::Number(format!("{}{number}", sign.replace('+', ""))))
                    }
                    Some(_) | None => Ok(Literal::Other),
                },
                "(" => self.nested(first, |reader| reader.items(")", true)),
                "[" => self.nested(first, |reader| reader.items("]", false)),
                "{" => self.nested(first, Self::dict),
                _ => Ok(Literal::Other),
            },
            Kind::OtherText | Kind::End => Ok(Literal::Other),
        }
    }

    /// Strings that stand side by side are one.
    fn texts(&mut self, first: &str) -> Literal {
        let mut text = first.to_owned();
        loop {
            match self.rest.first().map(|token| &token.kind) {
                Some(Kind::Text(more)) => text.push_str(more),
                Some(Kind::OtherText) => return Literal::Other,
                Some(Kind::Name(_) | Kind::Number(_) | Kind::Sign(_) | Kind::End) | None => return Literal::Text(text),
            }
            self.rest = &self.rest[1..];
        }
    }

    fn nested(
        &mut self,
        opening: &Token,
        read: impl FnOnce(&mut Self) -> Result<Literal, Malformed>,
    ) -> Result<Literal, Malformed> {
        if self.depth == DEEPEST {
            return Err(Malformed {
                line: opening.line,
                text: format!("values are nested deeper than {DEEPEST} levels"),
            });
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// The items up to the closing bracket. One in parentheses, without a comma, is just that value.
    fn items(&mut self, closing: &str, lone: bool) -> Result<Literal, Malformed> {
        let mut items = Vec::new();
        let mut commas = 0;
        while !self.eat(closing) {
            items.push(self.value(&[])?);
            if self.eat(",") {
                commas += 1;
            }
        }
        match (items.len(), commas, lone) {
            (1, 0, true) => Ok(items.swap_remove(0).value),
            _ => Ok(Literal::List(items)),
        }
    }

    fn dict(&mut self) -> Result<Literal, Malformed> {
        let mut entries = Vec::new();
        let mut items = Vec::new();
        while !self.eat("}") {
            let key = self.value(&[":"])?;
            if self.eat(":") {
                entries.push((key, self.value(&[])?));
            } else {
                items.push(key);
            }
            self.eat(",");
        }
        if items.is_empty() {
            return Ok(Literal::Dict(entries));
        }
        // `{a, b}` is a set; `{**a}` beside entries has no key
        if entries.is_empty() && items.iter().all(|item| item.value != Literal::Other) {
            return Ok(Literal::List(items));
        }
        entries.extend(items.into_iter().map(|item| (item.clone(), item)));
        Ok(Literal::Dict(entries))
    }

    /// Leaves out an expression: to the comma or bracket that ends it.
    fn skip(&mut self, ends: &[&str]) {
        let mut depth = 0_usize;
        while let Some((token, rest)) = self.rest.split_first() {
            if depth == 0 && (token.is(",") || token.closes() || ends.iter().any(|end| token.is(end))) {
                return;
            }
            if token.opens() {
                depth += 1;
            } else if token.closes() {
                depth -= 1;
            }
            self.rest = rest;
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        match self.rest.split_first() {
            Some((token, rest)) if token.is(sign) => {
                self.rest = rest;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests;
