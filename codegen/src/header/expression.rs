//! Values of C expressions, as far as the ids in kernel headers need them: whole numbers of 64 bits.

use super::diff::is_word;

/// Names, numbers and signs that one expression may take, with the macros that it uses: no id takes a hundred.
const MOST: usize = 400;

/// Binary operators, by how tightly they bind.
const OPERATORS: [(&str, u8); 9] =
    [("|", 1), ("^", 2), ("&", 3), ("<<", 4), (">>", 4), ("+", 5), ("-", 5), ("*", 6), ("/", 6)];

/// What the names in expressions stand for.
pub(super) trait Names {
    /// The parameters and the text of a macro.
    fn definition(&self, name: &str) -> Option<(&[&str], &str)>;
    /// The value of a name that is no macro.
    fn value(&self, name: &str) -> Option<u64>;
    /// Whether a name can be called.
    fn is_function(&self, name: &str) -> bool;
    /// The value of a call of a name that is no macro.
    fn call(&self, name: &str, arguments: &[u64]) -> Option<Result<u64, String>>;
}

/// Computes an expression.
pub(super) fn evaluate(text: &str, names: &dyn Names) -> Result<u64, String> {
    let mut left = MOST;
    Parser { rest: text, parameters: &[], names, left: &mut left }.whole()
}

struct Parser<'a> {
    rest: &'a str,
    /// Parameters of the macro whose text this is, with their values.
    parameters: &'a [(&'a str, u64)],
    names: &'a dyn Names,
    /// What is left of [`MOST`].
    left: &'a mut usize,
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Result<u64, String> {
        let value = self.binary(1)?;
        match self.peek() {
            "" => Ok(value),
            more => Err(format!("it has `{more}`, which is not understood")),
        }
    }

    /// An operand, and the operators behind it that bind at least so tightly.
    fn binary(&mut self, least: u8) -> Result<u64, String> {
        let mut value = self.unary()?;
        loop {
            let operator = self.peek();
            let tightness = OPERATORS.iter().find(|(text, _)| *text == operator).map(|it| it.1);
            let Some(tightness) = tightness.filter(|it| least <= *it) else { return Ok(value) };
            self.next()?;
            value = apply(operator, value, self.binary(tightness + 1)?)?;
        }
    }

    fn unary(&mut self) -> Result<u64, String> {
        match self.next()? {
            "~" => self.unary().map(|value| !value),
            "-" => self.unary().map(u64::wrapping_neg),
            "+" => self.unary(),
            "(" => {
                let value = self.binary(1)?;
                self.expect(")")?;
                Ok(value)
            }
            "" => Err("it ends where a value should be".to_owned()),
            word if word.starts_with(|c: char| c.is_ascii_digit()) => number(word),
            word if word.starts_with(is_word) => self.name(word),
            other => Err(format!("it has `{other}`, which is not understood")),
        }
    }

    /// The value of a name, or of a call of it.
    fn name(&mut self, name: &str) -> Result<u64, String> {
        if let Some((_, value)) = self.parameters.iter().find(|(own, _)| *own == name) {
            return Ok(*value);
        }
        let unknown = || format!("`{name}` is known neither here nor in the tables");
        let arguments = match self.peek() {
            "(" if self.names.is_function(name) => self.arguments()?,
            "(" => return Err(unknown()),
            _ => Vec::new(),
        };
        if let Some((parameters, text)) = self.names.definition(name) {
            return self.expanded(name, parameters, text, &arguments);
        }
        let value = if arguments.is_empty() {
            self.names.value(name).map(Ok)
        } else {
            self.names.call(name, &arguments)
        };
        value.unwrap_or_else(|| Err(unknown()))
    }

    /// The value of a macro's text.
    fn expanded(
        &mut self,
        name: &str,
        parameters: &[&str],
        text: &str,
        arguments: &[u64],
    ) -> Result<u64, String> {
        if parameters.len() != arguments.len() {
            let (has, takes) = (arguments.len(), parameters.len());
            return Err(format!("`{name}` takes {takes} arguments and has {has}"));
        }
        let parameters: Vec<_> =
            parameters.iter().copied().zip(arguments.iter().copied()).collect();
        Parser { rest: text, parameters: &parameters, names: self.names, left: self.left }.whole()
    }

    fn arguments(&mut self) -> Result<Vec<u64>, String> {
        self.expect("(")?;
        let mut arguments = vec![self.binary(1)?];
        while self.peek() == "," {
            self.next()?;
            arguments.push(self.binary(1)?);
        }
        self.expect(")")?;
        Ok(arguments)
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.next()? {
            found if found == sign => Ok(()),
            "" => Err(format!("it ends where `{sign}` should be")),
            found => Err(format!("it has `{found}` where `{sign}` should be")),
        }
    }

    /// Takes a name, a number or a sign; nothing at the end.
    fn next(&mut self) -> Result<&'a str, String> {
        *self.left = self.left.checked_sub(1).ok_or("it is too long, or stands for itself")?;
        let token = self.peek();
        self.rest = &self.rest.trim_start()[token.len()..];
        Ok(token)
    }

    fn peek(&self) -> &'a str {
        let rest = self.rest.trim_start();
        let length = match rest.find(|c| !is_word(c)).unwrap_or(rest.len()) {
            0 if rest.starts_with("<<") || rest.starts_with(">>") => 2,
            0 => rest.chars().next().map_or(0, char::len_utf8),
            word => word,
        };
        &rest[..length]
    }
}

fn apply(operator: &str, left: u64, right: u64) -> Result<u64, String> {
    let shift = || u32::try_from(right).unwrap_or(u32::MAX);
    let value = match operator {
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&" => Some(left & right),
        "<<" => left.checked_shl(shift()),
        ">>" => left.checked_shr(shift()),
        "+" => Some(left.wrapping_add(right)),
        "-" => Some(left.wrapping_sub(right)),
        "*" => Some(left.wrapping_mul(right)),
        _ => left.checked_div(right),
    };
    value.ok_or_else(|| format!("`{operator} {right}` has no value"))
}

/// Reads a C number: `0x1fULL`, `31`, `017`.
fn number(word: &str) -> Result<u64, String> {
    let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
    let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    u64::from_str_radix(digits, radix).map_err(|_| format!("`{word}` is no number of 64 bits"))
}
