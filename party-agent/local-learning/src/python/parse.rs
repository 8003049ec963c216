//! Tokens to trees: expressions of Python, of bounded depth. What is not read is named.

use super::DEEPEST;
use super::token::{Token, TokenKind, tokens};
use crate::error::{LearnError, Result};

/// An expression, and how deep it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expr {
    pub(super) depth: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text(String),
    Int(i64),
    Float(f64),
    Name(String),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Minus(Box<Expr>),
    Plus(Box<Expr>),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(Test, Expr)>),
    IfElse {
        test: Box<Expr>,
        then: Box<Expr>,
        or: Box<Expr>,
    },
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, [Option<Box<Expr>>; 3]),
    Call(String, Vec<Expr>),
    Method(Box<Expr>, String, Vec<Expr>),
    Lambda(String, Box<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    In,
    NotIn,
}

/// Words of Python that begin, or join, what is not read.
const WORDS: &[&str] = &[
    "for", "while", "import", "def", "class", "yield", "await", "async", "return", "exec", "eval",
    "with", "from", "as", "global", "is", "del", "assert", "try", "raise", "pass",
];

pub(super) struct Parser {
    what: &'static str,
    tokens: Vec<Token>,
    at: usize,
    open: usize,
}

/// Reads one whole expression.
pub(super) fn expression(what: &'static str, text: &str) -> Result<Expr> {
    let mut parser = Parser {
        what,
        tokens: tokens(what, text)?,
        at: 0,
        open: 0,
    };
    let expr = parser.expression()?;
    parser.end()?;
    Ok(expr)
}

/// Reads expressions between commas, as they stand in a call.
pub(super) fn expressions(what: &'static str, text: &str) -> Result<Vec<Expr>> {
    let mut parser = Parser {
        what,
        tokens: tokens(what, text)?,
        at: 0,
        open: 0,
    };
    let mut all = Vec::new();
    while parser.at < parser.tokens.len() {
        all.push(parser.expression()?);
        if !parser.take(",") {
            break;
        }
    }
    parser.end()?;
    Ok(all)
}

fn construct<T>(name: impl Into<String>) -> Result<T> {
    Err(LearnError::Construct {
        construct: name.into(),
    })
}

impl Parser {
    fn wrong<T>(&self, reason: impl Into<String>) -> Result<T> {
        let at = self
            .tokens
            .get(self.at)
            .or(self.tokens.last())
            .map_or(1, |token| token.at);
        Err(LearnError::Syntax {
            what: self.what,
            at,
            reason: reason.into(),
        })
    }

    fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at).map(|token| &token.kind) {
            Some(TokenKind::Sign(sign)) => Some(sign),
            _ => None,
        }
    }

    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at).map(|token| &token.kind) {
            Some(TokenKind::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = self.sign() == Some(sign);
        self.at += usize::from(is);
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.word() == Some(word);
        self.at += usize::from(is);
        is
    }

    fn need(&mut self, sign: &str) -> Result<()> {
        if self.take(sign) {
            Ok(())
        } else {
            self.unread(&format!("{sign:?} is expected here"))
        }
    }

    fn end(&self) -> Result<()> {
        if self.at == self.tokens.len() {
            Ok(())
        } else {
            self.unread("the text should end here")
        }
    }

    /// What stands here is named if it is something of Python, and is a fault of writing otherwise.
    fn unread<T>(&self, otherwise: &str) -> Result<T> {
        match (self.word(), self.sign()) {
            (Some("for"), _) => construct("a comprehension (for)"),
            (Some(word), _) if WORDS.contains(&word) => construct(word),
            (_, Some("**")) => construct("the power operator **"),
            (_, Some(sign @ ("<<" | ">>" | "|" | "&" | "^" | "~" | "@" | ":=" | "->" | ";"))) => {
                construct(format!("the operator {sign}"))
            }
            (_, Some("=")) => construct("an argument by name (or an assignment)"),
            _ => self.wrong(otherwise),
        }
    }

    fn node(&self, depth: usize, kind: Kind) -> Result<Expr> {
        let depth = depth + 1;
        if depth > DEEPEST {
            return self.wrong(format!("it is nested deeper than {DEEPEST}"));
        }
        Ok(Expr { depth, kind })
    }

    fn pair(
        &self,
        left: Expr,
        right: Expr,
        kind: impl FnOnce(Box<Expr>, Box<Expr>) -> Kind,
    ) -> Result<Expr> {
        self.node(
            left.depth.max(right.depth),
            kind(Box::new(left), Box::new(right)),
        )
    }

    fn many(&self, all: Vec<Expr>, kind: impl FnOnce(Vec<Expr>) -> Kind) -> Result<Expr> {
        self.node(deepest(&all), kind(all))
    }

    /// One more level of the reader's own recursion.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.open >= DEEPEST {
            return self.wrong(format!("it is nested deeper than {DEEPEST}"));
        }
        self.open += 1;
        let read = read(self);
        self.open -= 1;
        read
    }

    fn expression(&mut self) -> Result<Expr> {
        self.nested(|parser| {
            if parser.word() == Some("lambda") {
                parser.lambda()
            } else {
                parser.if_else()
            }
        })
    }

    fn lambda(&mut self) -> Result<Expr> {
        self.at += 1;
        let Some(name) = self.word().map(str::to_owned) else {
            return construct("a lambda without an argument");
        };
        self.at += 1;
        if self.sign() == Some(",") {
            return construct("a lambda of several arguments");
        }
        self.need(":")?;
        let body = self.expression()?;
        self.node(body.depth, Kind::Lambda(name, Box::new(body)))
    }

    fn if_else(&mut self) -> Result<Expr> {
        let then = self.any()?;
        if !self.take_word("if") {
            return Ok(then);
        }
        let test = self.any()?;
        if !self.take_word("else") {
            return self.wrong("else is expected here");
        }
        let or = self.expression()?;
        let depth = then.depth.max(test.depth).max(or.depth);
        self.node(
            depth,
            Kind::IfElse {
                test: Box::new(test),
                then: Box::new(then),
                or: Box::new(or),
            },
        )
    }

    fn any(&mut self) -> Result<Expr> {
        let mut all = vec![self.all()?];
        while self.take_word("or") {
            all.push(self.all()?);
        }
        if all.len() == 1 {
            Ok(all.remove(0))
        } else {
            self.many(all, Kind::Any)
        }
    }

    fn all(&mut self) -> Result<Expr> {
        let mut all = vec![self.not()?];
        while self.take_word("and") {
            all.push(self.not()?);
        }
        if all.len() == 1 {
            Ok(all.remove(0))
        } else {
            self.many(all, Kind::All)
        }
    }

    fn not(&mut self) -> Result<Expr> {
        if !self.take_word("not") {
            return self.compare();
        }
        let inner = self.nested(Self::not)?;
        self.node(inner.depth, Kind::Not(Box::new(inner)))
    }

    fn test(&mut self) -> Option<Test> {
        let signs = [
            ("==", Test::Equal),
            ("!=", Test::Unequal),
            ("<", Test::Less),
            ("<=", Test::LessOrEqual),
            (">", Test::More),
            (">=", Test::MoreOrEqual),
        ];
        if let Some((_, test)) = signs
            .into_iter()
            .find(|(sign, _)| self.sign() == Some(sign))
        {
            self.at += 1;
            return Some(test);
        }
        if self.take_word("in") {
            return Some(Test::In);
        }
        let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        if self.word() == Some("not") && matches!(next, Some(TokenKind::Name(name)) if name == "in")
        {
            self.at += 2;
            return Some(Test::NotIn);
        }
        None
    }

    fn compare(&mut self) -> Result<Expr> {
        let first = self.sum()?;
        let mut rest = Vec::new();
        let mut depth = first.depth;
        while let Some(test) = self.test() {
            let next = self.sum()?;
            depth = depth.max(next.depth);
            rest.push((test, next));
        }
        if rest.is_empty() {
            Ok(first)
        } else {
            self.node(depth, Kind::Compare(Box::new(first), rest))
        }
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let op = match self.sign() {
                Some("+") => Op::Add,
                Some("-") => Op::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.pair(left, right, |left, right| Kind::Binary(op, left, right))?;
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let op = match self.sign() {
                Some("*") => Op::Multiply,
                Some("/") => Op::Divide,
                Some("//") => Op::FloorDivide,
                Some("%") => Op::Modulo,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.unary()?;
            left = self.pair(left, right, |left, right| Kind::Binary(op, left, right))?;
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        let minus = self.sign() == Some("-");
        if !minus && self.sign() != Some("+") {
            return self.postfix();
        }
        self.at += 1;
        let inner = self.nested(Self::unary)?;
        let depth = inner.depth;
        self.node(
            depth,
            if minus {
                Kind::Minus(Box::new(inner))
            } else {
                Kind::Plus(Box::new(inner))
            },
        )
    }

    fn postfix(&mut self) -> Result<Expr> {
        let mut expr = self.atom()?;
        loop {
            if self.take(".") {
                let Some(name) = self.word().map(str::to_owned) else {
                    return self.wrong("a name is expected after the dot");
                };
                self.at += 1;
                if !self.take("(") {
                    return construct(format!("the attribute .{name}"));
                }
                let arguments = self.list_until(")")?;
                let depth = expr.depth.max(deepest(&arguments));
                expr = self.node(depth, Kind::Method(Box::new(expr), name, arguments))?;
            } else if self.take("[") {
                expr = self.subscript(expr)?;
            } else if self.take("(") {
                let Kind::Name(name) = expr.kind else {
                    return construct("a call of something that is not a name");
                };
                let arguments = self.list_until(")")?;
                expr = self.many(arguments, |arguments| Kind::Call(name, arguments))?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn subscript(&mut self, of: Expr) -> Result<Expr> {
        let mut parts = [None, None, None];
        let mut colons = 0;
        let mut depth = of.depth;
        while !self.take("]") {
            if colons < 2 && self.take(":") {
                colons += 1;
            } else if parts[colons].is_none() {
                let part = self.expression()?;
                depth = depth.max(part.depth);
                parts[colons] = Some(Box::new(part));
            } else {
                return self.unread("] is expected here");
            }
        }
        match (colons, parts) {
            (0, [Some(index), ..]) => self.node(depth, Kind::Index(Box::new(of), index)),
            (0, _) => self.wrong("an index is missing"),
            (_, parts) => self.node(depth, Kind::Slice(Box::new(of), parts)),
        }
    }

    fn list_until(&mut self, close: &str) -> Result<Vec<Expr>> {
        let mut all = Vec::new();
        while !self.take(close) {
            if matches!(self.sign(), Some("*" | "**")) {
                return construct("unpacking with *");
            }
            all.push(self.expression()?);
            if !self.take(",") {
                self.need(close)?;
                break;
            }
        }
        Ok(all)
    }

    fn atom(&mut self) -> Result<Expr> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            return self.wrong("something is missing here");
        };
        let kind = match token.kind {
            TokenKind::Name(name)
                if matches!(
                    name.as_str(),
                    "lambda" | "in" | "and" | "or" | "if" | "else" | "not"
                ) =>
            {
                return self.wrong(format!("{name} has no place here"));
            }
            TokenKind::Name(name)
                if WORDS.contains(&name.as_str()) && !matches!(name.as_str(), "eval" | "exec") =>
            {
                return self.unread("");
            }
            TokenKind::Name(name) => Kind::Name(name),
            TokenKind::Int(number) => Kind::Int(number),
            TokenKind::Float(number) => Kind::Float(number),
            TokenKind::Text(text) => return self.texts(text),
            TokenKind::Sign("(") => return self.parenthesis(),
            TokenKind::Sign("[") => {
                self.at += 1;
                let all = self.list_until("]")?;
                return self.many(all, Kind::List);
            }
            TokenKind::Sign("{") => return self.dict(),
            TokenKind::Sign(_) => return self.unread("a value is expected here"),
        };
        self.at += 1;
        self.node(0, kind)
    }

    /// Texts that stand side by side are one.
    fn texts(&mut self, mut text: String) -> Result<Expr> {
        self.at += 1;
        while let Some(TokenKind::Text(more)) = self.tokens.get(self.at).map(|token| &token.kind) {
            text.push_str(more);
            self.at += 1;
        }
        self.node(0, Kind::Text(text))
    }

    fn parenthesis(&mut self) -> Result<Expr> {
        self.at += 1;
        if self.take(")") {
            return self.node(0, Kind::Tuple(Vec::new()));
        }
        let first = self.expression()?;
        if self.take(")") {
            return Ok(first);
        }
        self.need(",")?;
        let mut all = vec![first];
        all.extend(self.list_until(")")?);
        self.many(all, Kind::Tuple)
    }

    fn dict(&mut self) -> Result<Expr> {
        self.at += 1;
        let mut all = Vec::new();
        let mut depth = 0;
        while !self.take("}") {
            let key = self.expression()?;
            if matches!(self.sign(), Some("," | "}")) {
                return construct("a set");
            }
            self.need(":")?;
            let value = self.expression()?;
            depth = depth.max(key.depth).max(value.depth);
            all.push((key, value));
            if !self.take(",") {
                self.need("}")?;
                break;
            }
        }
        self.node(depth, Kind::Dict(all))
    }
}

fn deepest(all: &[Expr]) -> usize {
    all.iter().map(|expr| expr.depth).max().unwrap_or(0)
}
