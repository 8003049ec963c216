//! Lambdas, interpreted: a tree is walked with a purse of work, and every text or list that is made is paid for.

use super::Literal;
use super::parse::{Expr, Kind, Op, Test, expression};
use super::repr::str_of;
use super::slice::{position, positions};
use crate::error::{LearnError, Result};

/// Work that one call may do: one unit for each node of the tree, and one for each 16 bytes that are made.
const PURSE: usize = 100_000;
/// Functions that can be called.
const FUNCTIONS: &[&str] = &["len", "int", "float", "str"];
/// Methods of texts that can be called.
const METHODS: &[&str] = &[
    "split",
    "strip",
    "replace",
    "lower",
    "upper",
    "startswith",
    "endswith",
    "join",
];

/// A lambda of one argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Lambda {
    argument: String,
    body: Expr,
}

/// Why a call failed: what Python would raise, or that the work has no end.
type Outcome<T> = std::result::Result<T, String>;

impl Lambda {
    /// Reads a lambda, and refuses whatever in it is not interpreted.
    pub fn read(text: &str) -> Result<Self> {
        match expression("lambda", text)?.kind {
            Kind::Lambda(argument, body) => {
                known(&body, &argument)?;
                Ok(Self {
                    argument,
                    body: *body,
                })
            }
            _ => Err(LearnError::Construct {
                construct: "an argument that is not a lambda".to_owned(),
            }),
        }
    }

    /// Calls it; the reason of a failure is in Python's words and repeats no value.
    pub fn call(&self, argument: &Literal) -> std::result::Result<Literal, String> {
        debug_assert!(!self.argument.is_empty());
        Walk {
            argument,
            purse: PURSE,
        }
        .value(&self.body)
    }
}

/// Whether a value counts as true.
pub(crate) fn truth(value: &Literal) -> bool {
    match value {
        Literal::None => false,
        Literal::Bool(flag) => *flag,
        Literal::Int(number) => *number != 0,
        Literal::Float(number) => *number != 0.0,
        Literal::Text(text) => !text.is_empty(),
        Literal::List(all) | Literal::Tuple(all) => !all.is_empty(),
        Literal::Dict(pairs) => !pairs.is_empty(),
    }
}

/// Refuses what cannot be evaluated before any row is touched.
fn known(expr: &Expr, argument: &str) -> Result<()> {
    let no = |construct: String| Err(LearnError::Construct { construct });
    let all = |exprs: &[Expr]| exprs.iter().try_for_each(|expr| known(expr, argument));
    match &expr.kind {
        Kind::Text(_) | Kind::Int(_) | Kind::Float(_) => Ok(()),
        Kind::Name(name)
            if name == argument || matches!(name.as_str(), "None" | "True" | "False") =>
        {
            Ok(())
        }
        Kind::Name(name) => no(format!("the name {name}")),
        Kind::List(exprs) | Kind::Tuple(exprs) | Kind::All(exprs) | Kind::Any(exprs) => all(exprs),
        Kind::Dict(_) => no("a dict in a lambda".to_owned()),
        Kind::Minus(inner) | Kind::Plus(inner) | Kind::Not(inner) => known(inner, argument),
        Kind::Binary(Op::Modulo, left, _) if matches!(left.kind, Kind::Text(_)) => {
            no("formatting with %".to_owned())
        }
        Kind::Binary(_, left, right) | Kind::Index(left, right) => {
            known(left, argument)?;
            known(right, argument)
        }
        Kind::Compare(first, rest) => {
            known(first, argument)?;
            rest.iter().try_for_each(|(_, expr)| known(expr, argument))
        }
        Kind::IfElse { test, then, or } => [test, then, or]
            .into_iter()
            .try_for_each(|expr| known(expr, argument)),
        Kind::Slice(of, parts) => {
            known(of, argument)?;
            parts
                .iter()
                .flatten()
                .try_for_each(|expr| known(expr, argument))
        }
        Kind::Call(name, exprs) if FUNCTIONS.contains(&name.as_str()) => all(exprs),
        Kind::Call(name, _) => no(format!("a call of {name}")),
        Kind::Method(of, name, exprs) if METHODS.contains(&name.as_str()) => {
            known(of, argument)?;
            all(exprs)
        }
        Kind::Method(_, name, _) => no(format!("the method .{name}()")),
        Kind::Lambda(..) => no("a lambda in a lambda".to_owned()),
    }
}

struct Walk<'a> {
    argument: &'a Literal,
    purse: usize,
}

fn raise<T>(text: impl Into<String>) -> Outcome<T> {
    Err(text.into())
}

impl Walk<'_> {
    fn pay(&mut self, work: usize) -> Outcome<()> {
        match self.purse.checked_sub(work) {
            Some(rest) => {
                self.purse = rest;
                Ok(())
            }
            None => raise("the lambda does more work than one row may take"),
        }
    }

    fn made(&mut self, value: Literal) -> Outcome<Literal> {
        self.pay(size(&value) / 16)?;
        Ok(value)
    }

    fn values(&mut self, exprs: &[Expr]) -> Outcome<Vec<Literal>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    fn value(&mut self, expr: &Expr) -> Outcome<Literal> {
        self.pay(1)?;
        match &expr.kind {
            Kind::Text(text) => self.made(Literal::Text(text.clone())),
            Kind::Int(number) => Ok(Literal::Int(*number)),
            Kind::Float(number) => Ok(Literal::Float(*number)),
            Kind::Name(name) => match name.as_str() {
                "None" => Ok(Literal::None),
                "True" => Ok(Literal::Bool(true)),
                "False" => Ok(Literal::Bool(false)),
                _ => {
                    self.pay(size(self.argument) / 16)?;
                    Ok(self.argument.clone())
                }
            },
            Kind::List(exprs) => self.values(exprs).map(Literal::List),
            Kind::Tuple(exprs) => self.values(exprs).map(Literal::Tuple),
            Kind::Not(inner) => Ok(Literal::Bool(!truth(&self.value(inner)?))),
            Kind::Minus(inner) => match self.value(inner)? {
                Literal::Float(number) => Ok(Literal::Float(-number)),
                value => whole(&value)
                    .and_then(i64::checked_neg)
                    .map(Literal::Int)
                    .ok_or_else(|| {
                        format!(
                            "TypeError: bad operand type for unary -: {}",
                            value.type_name()
                        )
                    }),
            },
            Kind::Plus(inner) => match self.value(inner)? {
                value @ Literal::Float(_) => Ok(value),
                value => whole(&value).map(Literal::Int).ok_or_else(|| {
                    format!(
                        "TypeError: bad operand type for unary +: {}",
                        value.type_name()
                    )
                }),
            },
            Kind::All(exprs) => self.first_that(exprs, false),
            Kind::Any(exprs) => self.first_that(exprs, true),
            Kind::Binary(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(*op, left, right)
            }
            Kind::Compare(first, rest) => self.compare(first, rest),
            Kind::IfElse { test, then, or } => {
                let test = self.value(test)?;
                self.value(if truth(&test) { then } else { or })
            }
            Kind::Index(of, index) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                index_of(&of, &index)
            }
            Kind::Slice(of, parts) => self.slice(of, parts),
            Kind::Call(name, exprs) => {
                let arguments = self.values(exprs)?;
                let value = call(name, &arguments)?;
                self.made(value)
            }
            Kind::Method(of, name, exprs) => {
                let (of, arguments) = (self.value(of)?, self.values(exprs)?);
                self.method(&of, name, &arguments)
            }
            Kind::Dict(_) | Kind::Lambda(..) => raise("this is not interpreted"),
        }
    }

    /// `and` and `or` give the value that decides.
    fn first_that(&mut self, exprs: &[Expr], decides: bool) -> Outcome<Literal> {
        let mut last = Literal::None;
        for expr in exprs {
            last = self.value(expr)?;
            if truth(&last) == decides {
                break;
            }
        }
        Ok(last)
    }

    fn binary(&mut self, op: Op, left: Literal, right: Literal) -> Outcome<Literal> {
        match (op, &left, &right) {
            (Op::Add, Literal::Text(a), Literal::Text(b)) => {
                self.pay((a.len() + b.len()) / 16)?;
                Ok(Literal::Text(format!("{a}{b}")))
            }
            (Op::Add, Literal::List(a), Literal::List(b)) => {
                self.pay((size(&left) + size(&right)) / 16)?;
                Ok(Literal::List(a.iter().chain(b).cloned().collect()))
            }
            (Op::Multiply, Literal::Text(text), times)
            | (Op::Multiply, times, Literal::Text(text)) => {
                let Some(times) = whole(times) else {
                    return raise("TypeError: a text is repeated a whole number of times");
                };
                let times = usize::try_from(times).unwrap_or(0);
                self.pay(text.len().saturating_mul(times) / 16)?;
                Ok(Literal::Text(text.repeat(times)))
            }
            _ => arithmetic(op, &left, &right),
        }
    }

    fn compare(&mut self, first: &Expr, rest: &[(Test, Expr)]) -> Outcome<Literal> {
        let mut left = self.value(first)?;
        for (test, expr) in rest {
            let right = self.value(expr)?;
            self.pay((size(&left) + size(&right)) / 16)?;
            if !holds(*test, &left, &right)? {
                return Ok(Literal::Bool(false));
            }
            left = right;
        }
        Ok(Literal::Bool(true))
    }

    fn slice(&mut self, of: &Expr, parts: &[Option<Box<Expr>>; 3]) -> Outcome<Literal> {
        let of = self.value(of)?;
        let mut numbers = [None, None, None];
        for (number, part) in numbers.iter_mut().zip(parts) {
            let Some(part) = part else { continue };
            *number = match self.value(part)? {
                Literal::None => None,
                value => {
                    Some(whole(&value).ok_or("TypeError: slice indices must be integers or None")?)
                }
            };
        }
        let [from, to, step] = numbers;
        let taken = |length| {
            positions(from, to, step.unwrap_or(1), length)
                .ok_or_else(|| "ValueError: slice step cannot be zero".to_owned())
        };
        self.pay(size(&of) / 16)?;
        match &of {
            Literal::Text(text) => {
                let chars: Vec<char> = text.chars().collect();
                Ok(Literal::Text(
                    taken(chars.len())?
                        .into_iter()
                        .map(|at| chars[at])
                        .collect(),
                ))
            }
            Literal::List(all) => Ok(Literal::List(picked(all, &taken(all.len())?))),
            Literal::Tuple(all) => Ok(Literal::Tuple(picked(all, &taken(all.len())?))),
            other => raise(format!("TypeError: {} cannot be sliced", other.type_name())),
        }
    }

    fn method(&mut self, of: &Literal, name: &str, arguments: &[Literal]) -> Outcome<Literal> {
        let Literal::Text(text) = of else {
            return raise(format!(
                "AttributeError: {} has no attribute {name}",
                of.type_name()
            ));
        };
        let given: Vec<Option<&str>> = arguments.iter().map(Literal::as_text).collect();
        self.pay(text.len() / 16)?;
        let value = match (name, given.as_slice()) {
            ("split", []) => list(text.split_whitespace()),
            ("split", [Some(separator)]) if !separator.is_empty() => list(text.split(separator)),
            ("split", [Some(separator), None]) if !separator.is_empty() => {
                let most =
                    whole(&arguments[1]).ok_or("TypeError: maxsplit is not a whole number")?;
                match usize::try_from(most) {
                    Ok(most) => list(text.splitn(most.saturating_add(1), separator)),
                    Err(_) => list(text.split(separator)),
                }
            }
            ("split", [Some(_), ..]) => return raise("ValueError: empty separator"),
            ("strip", []) => Literal::Text(text.trim().to_owned()),
            ("strip", [Some(set)]) => {
                Literal::Text(text.trim_matches(|c| set.contains(c)).to_owned())
            }
            ("replace", [Some(from), Some(to)]) => {
                let found = if from.is_empty() {
                    text.chars().count() + 1
                } else {
                    text.matches(from).count()
                };
                self.pay(found.saturating_mul(to.len()) / 16)?;
                Literal::Text(text.replace(from, to))
            }
            ("replace", [Some(from), Some(to), None]) => {
                let most = whole(&arguments[2]).ok_or("TypeError: count is not a whole number")?;
                let found = if from.is_empty() {
                    text.chars().count() + 1
                } else {
                    text.matches(from).count()
                };
                let times = usize::try_from(most).unwrap_or(found).min(found);
                self.pay(times.saturating_mul(to.len()) / 16)?;
                Literal::Text(text.replacen(from, to, times))
            }
            ("lower", []) => Literal::Text(text.to_lowercase()),
            ("upper", []) => Literal::Text(text.to_uppercase()),
            ("startswith", [Some(start)]) => Literal::Bool(text.starts_with(start)),
            ("endswith", [Some(end)]) => Literal::Bool(text.ends_with(end)),
            ("startswith" | "endswith", [None]) if matches!(arguments[0], Literal::Tuple(_)) => {
                let ends = |part: &str| {
                    if name == "endswith" {
                        text.ends_with(part)
                    } else {
                        text.starts_with(part)
                    }
                };
                let Literal::Tuple(parts) = &arguments[0] else {
                    return raise("TypeError: not a tuple");
                };
                let parts: Option<Vec<&str>> = parts.iter().map(Literal::as_text).collect();
                Literal::Bool(
                    parts
                        .ok_or("TypeError: a tuple of texts is needed")?
                        .into_iter()
                        .any(ends),
                )
            }
            ("join", [None]) => return self.join(text, &arguments[0]),
            _ => return raise(format!("TypeError: .{name}() takes other arguments")),
        };
        self.made(value)
    }

    fn join(&mut self, between: &str, all: &Literal) -> Outcome<Literal> {
        let (Literal::List(all) | Literal::Tuple(all)) = all else {
            return raise("TypeError: can only join a list");
        };
        self.pay(
            (all.iter().map(size).sum::<usize>() + between.len().saturating_mul(all.len())) / 16,
        )?;
        let texts: Option<Vec<&str>> = all.iter().map(Literal::as_text).collect();
        let texts = texts.ok_or("TypeError: only texts can be joined")?;
        Ok(Literal::Text(texts.join(between)))
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> Literal {
    Literal::List(texts.map(|text| Literal::Text(text.to_owned())).collect())
}

fn picked(all: &[Literal], at: &[usize]) -> Vec<Literal> {
    at.iter().filter_map(|at| all.get(*at).cloned()).collect()
}

/// About how many bytes a value takes.
fn size(value: &Literal) -> usize {
    match value {
        Literal::Text(text) => text.len() + 16,
        Literal::List(all) | Literal::Tuple(all) => 16 + all.iter().map(size).sum::<usize>(),
        Literal::Dict(pairs) => {
            16 + pairs
                .iter()
                .map(|(key, value)| size(key) + size(value))
                .sum::<usize>()
        }
        _ => 16,
    }
}

fn whole(value: &Literal) -> Option<i64> {
    match value {
        Literal::Int(number) => Some(*number),
        Literal::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "as Python's own conversion")]
fn number(value: &Literal) -> Option<f64> {
    match value {
        Literal::Float(number) => Some(*number),
        other => whole(other).map(|number| number as f64),
    }
}

fn index_of(of: &Literal, index: &Literal) -> Outcome<Literal> {
    let Some(index) = whole(index) else {
        return raise("TypeError: indices must be integers");
    };
    match of {
        Literal::Text(text) => {
            let at = position(index, text.chars().count());
            let found = at.and_then(|at| text.chars().nth(at));
            found
                .map(|c| Literal::Text(c.to_string()))
                .ok_or_else(|| "IndexError: string index out of range".to_owned())
        }
        Literal::List(all) | Literal::Tuple(all) => {
            let found = position(index, all.len()).and_then(|at| all.get(at));
            found
                .cloned()
                .ok_or_else(|| format!("IndexError: {} index out of range", of.type_name()))
        }
        other => raise(format!("TypeError: {} has no items", other.type_name())),
    }
}

fn arithmetic(op: Op, left: &Literal, right: &Literal) -> Outcome<Literal> {
    let wrong = || {
        format!(
            "TypeError: unsupported operand types: {} and {}",
            left.type_name(),
            right.type_name()
        )
    };
    if let (Some(a), Some(b)) = (whole(left), whole(right))
        && op != Op::Divide
    {
        if b == 0 && matches!(op, Op::FloorDivide | Op::Modulo) {
            return raise("ZeroDivisionError: division by zero");
        }
        let value = match op {
            Op::Add => a.checked_add(b),
            Op::Subtract => a.checked_sub(b),
            Op::Multiply => a.checked_mul(b),
            // Python rounds down, and the rest has the divisor's sign
            Op::FloorDivide => a
                .checked_div(b)
                .map(|q| q - i64::from(a % b != 0 && (a < 0) != (b < 0))),
            Op::Modulo => a.checked_rem(b).map(|r| {
                if r != 0 && (r < 0) != (b < 0) {
                    r + b
                } else {
                    r
                }
            }),
            Op::Divide => None,
        };
        return value
            .map(Literal::Int)
            .ok_or_else(|| "OverflowError: a whole number has more than 64 bits".to_owned());
    }
    let (a, b) = (
        number(left).ok_or_else(wrong)?,
        number(right).ok_or_else(wrong)?,
    );
    if b == 0.0 && matches!(op, Op::Divide | Op::FloorDivide | Op::Modulo) {
        return raise("ZeroDivisionError: division by zero");
    }
    Ok(Literal::Float(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide => a / b,
        Op::FloorDivide => {
            let quotient = (a - rest_of(a, b)) / b;
            (quotient + 0.5).floor()
        }
        Op::Modulo => rest_of(a, b),
    }))
}

/// The exact rest of a division, with the divisor's sign.
fn rest_of(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

/// Whether two values are equal, as Python sees it: numbers by value, whatever their type.
fn equal(left: &Literal, right: &Literal) -> bool {
    match (left, right) {
        (Literal::Text(a), Literal::Text(b)) => a == b,
        (Literal::List(a), Literal::List(b)) | (Literal::Tuple(a), Literal::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Literal::None, Literal::None) => true,
        _ => match (whole(left), whole(right)) {
            (Some(a), Some(b)) => a == b,
            _ => number(left).zip(number(right)).is_some_and(|(a, b)| a == b),
        },
    }
}

fn order(left: &Literal, right: &Literal) -> Outcome<Option<std::cmp::Ordering>> {
    match (left, right) {
        (Literal::Text(a), Literal::Text(b)) => Ok(Some(a.cmp(b))),
        (Literal::List(a), Literal::List(b)) | (Literal::Tuple(a), Literal::Tuple(b)) => {
            match a.iter().zip(b).find(|(a, b)| !equal(a, b)) {
                Some((a, b)) => order(a, b),
                None => Ok(Some(a.len().cmp(&b.len()))),
            }
        }
        _ => match (whole(left), whole(right), number(left), number(right)) {
            (Some(a), Some(b), ..) => Ok(Some(a.cmp(&b))),
            (.., Some(a), Some(b)) => Ok(a.partial_cmp(&b)),
            _ => raise(format!(
                "TypeError: {} and {} cannot be ordered",
                left.type_name(),
                right.type_name()
            )),
        },
    }
}

fn holds(test: Test, left: &Literal, right: &Literal) -> Outcome<bool> {
    let contains = || match (left, right) {
        (Literal::Text(part), Literal::Text(text)) => Ok(text.contains(part.as_str())),
        (_, Literal::List(all) | Literal::Tuple(all)) => {
            Ok(all.iter().any(|value| equal(value, left)))
        }
        _ => raise(format!(
            "TypeError: {} is searched in {}",
            left.type_name(),
            right.type_name()
        )),
    };
    match test {
        Test::Equal => Ok(equal(left, right)),
        Test::Unequal => Ok(!equal(left, right)),
        Test::In => contains(),
        Test::NotIn => contains().map(|found| !found),
        Test::Less => Ok(order(left, right)?.is_some_and(|order| order.is_lt())),
        Test::LessOrEqual => Ok(order(left, right)?.is_some_and(|order| order.is_le())),
        Test::More => Ok(order(left, right)?.is_some_and(|order| order.is_gt())),
        Test::MoreOrEqual => Ok(order(left, right)?.is_some_and(|order| order.is_ge())),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "checked: within 2^63")]
fn call(name: &str, arguments: &[Literal]) -> Outcome<Literal> {
    let [value] = arguments else {
        return raise(format!("TypeError: {name}() takes one argument here"));
    };
    let length = |length: usize| {
        i64::try_from(length)
            .map(Literal::Int)
            .map_err(|_| "OverflowError".to_owned())
    };
    match (name, value) {
        ("str", value) => Ok(Literal::Text(str_of(value))),
        ("len", Literal::Text(text)) => length(text.chars().count()),
        ("len", Literal::List(all) | Literal::Tuple(all)) => length(all.len()),
        ("int", Literal::Float(number)) if number.abs() < 9.2e18 => {
            Ok(Literal::Int(number.trunc() as i64))
        }
        ("int", Literal::Text(text)) => {
            let number = text.trim().parse().map(Literal::Int);
            number.map_err(|_| "ValueError: invalid literal for int()".to_owned())
        }
        ("float", Literal::Text(text)) => {
            let number = text.trim().parse().map(Literal::Float);
            number.map_err(|_| "ValueError: could not convert string to float".to_owned())
        }
        ("int", value) if whole(value).is_some() => {
            Ok(whole(value).map_or(Literal::None, Literal::Int))
        }
        ("float", value) if number(value).is_some() => {
            Ok(number(value).map_or(Literal::None, Literal::Float))
        }
        (_, value) => raise(format!(
            "TypeError: {name}() does not take {}",
            value.type_name()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::repr;

    fn of(lambda: &str, text: &str) -> std::result::Result<String, String> {
        let lambda = Lambda::read(lambda).map_err(|error| error.to_string())?;
        lambda
            .call(&Literal::Text(text.to_owned()))
            .map(|value| repr(&value))
    }

    #[test]
    fn gives_what_python_gives() {
        for (lambda, text, value) in [
            ("lambda l: l.split(',')[0] != '0'", "0,5", "False"),
            ("lambda l: l.split(',')[0] != '0'", "4500,5", "True"),
            (
                "lambda l: [float(x) for x in l]",
                "",
                "a comprehension (for) is not interpreted",
            ),
            ("lambda x: x.split(',')[1:3]", "a,b,c,d", "['b', 'c']"),
            ("lambda x: x.split(',')[::-1]", "a,b,c", "['c', 'b', 'a']"),
            ("lambda x: x[-1] + x[:2]", "abc", "'cab'"),
            (
                "lambda x: ','.join(x.strip().lower().split())",
                "  A b  C ",
                "'a,b,c'",
            ),
            ("lambda x: x.replace('a', 'bb').upper()", "cat", "'CBBT'"),
            ("lambda x: int(x) * 2 + 1", "20", "41"),
            ("lambda x: -int(x) // 2", "7", "-4"),
            ("lambda x: int(x) % -3", "7", "-2"),
            ("lambda x: int(x) / 2", "7", "3.5"),
            ("lambda x: float(x) if '.' in x else int(x)", "1.50", "1.5"),
            (
                "lambda x: len(x) > 2 and x.startswith('a') or x.endswith('z')",
                "az",
                "True",
            ),
            ("lambda x: 1 < len(x) <= 3", "abc", "True"),
            ("lambda x: not x in ['a', 'b']", "c", "True"),
            ("lambda x: x not in ('a', 'b')", "a", "False"),
            (
                "lambda x: str(1.0) + str([x, True, None])",
                "q",
                "\"1.0['q', True, None]\"",
            ),
            ("lambda x: (x, 1)", "k", "('k', 1)"),
            ("lambda x: 1 == 1.0 == True", "", "True"),
            ("lambda x: 'ab' * 2", "", "'abab'"),
            ("lambda x: [1] + [x]", "a", "[1, 'a']"),
            ("lambda x: x.split(',', 1)", "a,b,c", "['a', 'b,c']"),
            ("lambda x: [1, 2] < [1, 3]", "", "True"),
            (
                "lambda x: x.replace('a', 'b', 1) + x.replace('a', 'b', -1) + x.replace('a', 'b', 0)",
                "aa",
                "'babbaa'",
            ),
            ("lambda x: x.replace('', '-', 2)", "ab", "'-a-b'"),
            (
                "lambda x: [1.0 // 0.1, 1.0 % 0.1, -7.5 // 2, -7.5 % 2]",
                "",
                "[9.0, 0.09999999999999995, -4.0, 0.5]",
            ),
            (
                "lambda x: x.startswith(('0', '1')) and not x.endswith(('2', ))",
                "12",
                "False",
            ),
            ("lambda x: x.startswith(('0', '1'))", "12", "True"),
        ] {
            let found = of(lambda, text).unwrap_or_else(|error| error);
            assert_eq!(found, value, "{lambda}");
        }
    }

    #[test]
    fn names_what_is_not_interpreted() {
        for (lambda, named) in [
            ("lambda x: __import__('os')", "a call of __import__"),
            ("lambda x: open(x)", "a call of open"),
            ("lambda x: eval(x)", "a call of eval"),
            ("lambda x: x.__class__", "the attribute .__class__"),
            ("lambda x: x.encode('utf8')", "the method .encode()"),
            ("lambda x: y", "the name y"),
            ("lambda x, y: x", "a lambda of several arguments"),
            ("lambda x: lambda y: y", "a lambda in a lambda"),
            ("lambda x: {x: 1}", "a dict in a lambda"),
            ("lambda x: x ** 2", "the power operator"),
            ("lambda x: x.split(sep=',')", "an argument by name"),
            ("lambda x: (yield)", "yield"),
            ("lambda x: x is None", "is"),
            ("lambda *x: x", "a lambda without an argument"),
            ("str", "not a lambda"),
            ("lambda x: x | 1", "the operator |"),
            ("lambda x: '%s' % x", "formatting with %"),
        ] {
            let error = Lambda::read(lambda).expect_err(lambda).to_string();
            assert!(error.contains(named), "{lambda}: {error}");
        }
    }

    #[test]
    fn says_what_python_would_raise() {
        for (lambda, text, raised) in [
            ("lambda x: x.split(',')[3]", "a,b", "IndexError"),
            ("lambda x: int(x)", "a", "ValueError"),
            ("lambda x: 1 / int(x)", "0", "ZeroDivisionError"),
            ("lambda x: x + 1", "a", "TypeError"),
            ("lambda x: x < 1", "a", "TypeError"),
            ("lambda x: x.split('')", "a", "ValueError"),
            ("lambda x: 9223372036854775807 + 1", "", "OverflowError"),
            ("lambda x: 1 .lower()", "", "AttributeError"),
        ] {
            let error = of(lambda, text).expect_err(lambda);
            assert!(error.contains(raised), "{lambda}: {error}");
        }
    }

    #[test]
    fn work_is_bounded() {
        for lambda in [
            "lambda x: 'a' * 1000000000",
            "lambda x: x.replace('', x * 100).replace('', x * 100)",
            "lambda x: [x * 9000] + [x * 9000] + [x * 9000] + [x * 9000]",
        ] {
            let error = of(lambda, &"abc".repeat(100)).expect_err(lambda);
            assert!(error.contains("more work"), "{lambda}: {error}");
        }
        let deep = format!("lambda x: {}x{}", "(".repeat(500), ")".repeat(500));
        assert!(
            Lambda::read(&deep)
                .unwrap_err()
                .to_string()
                .contains("nested deeper")
        );
        let long = format!("lambda x: {}x", "x + ".repeat(500));
        assert!(
            Lambda::read(&long)
                .unwrap_err()
                .to_string()
                .contains("nested deeper")
        );
    }
}
