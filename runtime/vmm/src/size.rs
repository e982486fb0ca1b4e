//! Sizes on the command line.

/// Reads a number of bytes: `1048576`, `1024K`, `1M`, `1G`.
///
/// # Errors
///
/// Returns what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (&text[..end], 10),
        Some((end, 'M' | 'm')) => (&text[..end], 20),
        Some((end, 'G' | 'g')) => (&text[..end], 30),
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a number of bytes, or one with K, M or G behind it".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "more than 64 bits of memory".to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_binary() {
        let good = [("1", 1), ("64K", 64 << 10), ("128M", 128 << 20), ("2g", 2 << 30), ("0", 0)];
        for (text, bytes) in good {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1T", "1.5G", "0x10", "99999999999G", "1\u{fc}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
