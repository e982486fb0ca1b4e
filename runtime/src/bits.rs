//! Values with named fields: written once, over the static field table of a layout.

/// Bit layout of a register value.
pub trait Layout: 'static {
    /// Integer that holds the bits.
    type Raw: crate::Value + support::Raw;
    /// Name of the register or shared layout.
    const NAME: &'static str;
    /// Fields, most significant first, reserved bits included.
    const FIELDS: &'static [Field];
}

/// A field of a layout.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, in the manual's spelling.
    pub name: &'static str,
    /// Most significant piece, and the only one unless the field is split.
    pub top: Piece,
    /// Other pieces, most significant first.
    pub rest: &'static [Piece],
    /// Kind.
    pub kind: FieldKind,
    /// Names of values.
    pub values: &'static [(&'static str, u64)],
    /// Whether the vCPU alone decides its value.
    pub read_only: bool,
    /// Which values a vCPU takes in place of its own.
    pub safe: Safe,
}

/// A run of bits, from `lsb` to `msb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Most significant bit.
    pub msb: u8,
    /// Least significant bit.
    pub lsb: u8,
}

/// Kind of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// One bit.
    Bool,
    /// Unsigned number.
    Uint,
    /// Two's complement number.
    Int,
    /// Number with named values.
    Enum,
    /// Reserved, zero.
    Res0,
    /// Reserved, one.
    Res1,
    /// Reads as zero.
    Raz,
    /// Unknown.
    Unkn,
}

/// Which values of a field a vCPU takes in place of its own, where the register says who the vCPU is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Safe {
    /// A lower one.
    Lower,
    /// A lower one in two's complement.
    Signed,
    /// A higher one.
    Higher,
    /// A higher one, or 0.
    HigherOrZero,
    /// The one called NI; none where there is none.
    NotImplemented,
}

impl FieldKind {
    /// Returns whether the bits are reserved.
    pub const fn is_reserved(self) -> bool {
        matches!(self, FieldKind::Res0 | FieldKind::Res1 | FieldKind::Raz | FieldKind::Unkn)
    }
}

impl Field {
    /// Describes a field in one piece, from `lsb` to `msb`, without names of values.
    pub const fn new(name: &'static str, msb: u8, lsb: u8, kind: FieldKind) -> Self {
        Field {
            name,
            top: Piece { msb, lsb },
            rest: &[],
            kind,
            values: &[],
            read_only: false,
            safe: Safe::Lower,
        }
    }

    /// Adds pieces below the first, most significant first.
    pub const fn with_rest(self, rest: &'static [Piece]) -> Self {
        Field { rest, ..self }
    }

    /// Adds names of values.
    pub const fn with_values(self, values: &'static [(&'static str, u64)]) -> Self {
        Field { values, ..self }
    }

    /// Says that the vCPU alone decides the value.
    pub const fn read_only(self) -> Self {
        Field { read_only: true, ..self }
    }

    /// Says which values are safe.
    pub const fn with_safe(self, safe: Safe) -> Self {
        Field { safe, ..self }
    }

    /// Iterates over the pieces, most significant first: more than one for a split field.
    pub fn pieces(&self) -> impl DoubleEndedIterator<Item = Piece> {
        core::iter::once(self.top).chain(self.rest.iter().copied())
    }

    /// Returns the width in bits of all pieces together.
    pub fn width(&self) -> u32 {
        self.pieces().map(Piece::width).sum()
    }

    /// Returns the bits of all pieces.
    pub fn mask(&self) -> u128 {
        self.pieces().fold(0, |bits, piece| bits | piece.mask() << piece.lsb)
    }

    /// Extracts the field from `bits`, unsigned.
    pub fn extract(&self, bits: u128) -> u128 {
        self.pieces()
            .fold(0, |value, piece| value << piece.width() | bits >> piece.lsb & piece.mask())
    }

    /// Puts `value` into the field of `bits`; `None` when it does not fit.
    pub fn insert(&self, bits: u128, value: u128) -> Option<u128> {
        let mut rest = value;
        let mut bits = bits;
        for piece in self.pieces().rev() {
            bits = bits & !(piece.mask() << piece.lsb) | (rest & piece.mask()) << piece.lsb;
            rest = rest.checked_shr(piece.width()).unwrap_or(0);
        }
        (rest == 0).then_some(bits)
    }

    /// Returns the name of `value`, where it has one.
    pub fn value_name(&self, value: u128) -> Option<&'static str> {
        self.values.iter().find(|(_, known)| u128::from(*known) == value).map(|(name, _)| *name)
    }
}

impl Piece {
    fn width(self) -> u32 {
        u32::from(self.msb - self.lsb) + 1
    }

    fn mask(self) -> u128 {
        u128::MAX >> (128 - self.width())
    }
}

/// A field and its value.
#[derive(Debug, Clone, Copy)]
pub struct FieldValue {
    /// The field.
    pub field: &'static Field,
    /// Its value, unsigned.
    pub value: u128,
}

impl core::fmt::Display for FieldValue {
    /// Writes the value: its name, a decimal number for one bit or a signed field, else hex.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(name) = self.field.value_name(self.value) {
            return f.write_str(name);
        }
        match (self.field.kind, self.field.width()) {
            (FieldKind::Int, width) => {
                let shift = 128 - width;
                write!(f, "{}", ((self.value << shift) as i128) >> shift)
            }
            (_, 1) => write!(f, "{}", self.value),
            _ => write!(f, "{:#x}", self.value),
        }
    }
}

/// Defines the value types of generated registers, `Bits` and `Enum`, in the calling module.
///
/// They are defined where the registers are, because inherent methods can only be given to a type of the same crate.
#[doc(hidden)]
#[macro_export]
macro_rules! bits_types {
    () => {
        /// A register value whose bits are named by layout `L`.
        ///
        /// `Debug` and `Display` print the fields, from bit 0 up, and the bits; [`FromStr`](::core::str::FromStr) reads
        /// either back, and `FIELD=value, ...`, whose values are numbers, hex or decimal, or names.
        /// Builders (`with_...`) panic when a number does not fit its field.
        #[repr(transparent)]
        pub struct Bits<L, R>(R, ::core::marker::PhantomData<fn() -> L>);

        impl<L: ::onereg::Layout<Raw = R>, R: ::onereg::support::Raw> Bits<L, R> {
            /// Wraps `bits`.
            #[inline]
            pub const fn new(bits: R) -> Self {
                Bits(bits, ::core::marker::PhantomData)
            }

            /// Returns the bits.
            #[inline]
            pub const fn bits(self) -> R {
                self.0
            }

            /// Iterates over the fields and their values, most significant first; reserved bits are left out.
            pub fn fields(self) -> impl ::core::iter::Iterator<Item = ::onereg::FieldValue> {
                ::onereg::support::fields(L::FIELDS, ::onereg::support::Raw::to_u128(self.0))
            }
        }

        impl<L, R: ::core::marker::Copy> ::core::clone::Clone for Bits<L, R> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<L, R: ::core::marker::Copy> ::core::marker::Copy for Bits<L, R> {}

        impl<L, R: ::core::cmp::PartialEq> ::core::cmp::PartialEq for Bits<L, R> {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<L, R: ::core::cmp::Eq> ::core::cmp::Eq for Bits<L, R> {}

        impl<L, R: ::core::hash::Hash> ::core::hash::Hash for Bits<L, R> {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(&self.0, state);
            }
        }

        impl<L, R: ::core::default::Default> ::core::default::Default for Bits<L, R> {
            fn default() -> Self {
                Bits(::core::default::Default::default(), ::core::marker::PhantomData)
            }
        }

        impl<L: ::onereg::Layout<Raw = R>, R: ::onereg::support::Raw> ::core::fmt::Debug
            for Bits<L, R>
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::onereg::support::format(
                    f,
                    L::NAME,
                    L::FIELDS,
                    ::onereg::support::Raw::to_u128(self.0),
                )
            }
        }

        impl<L: ::onereg::Layout<Raw = R>, R: ::onereg::support::Raw> ::core::fmt::Display
            for Bits<L, R>
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(self, f)
            }
        }

        impl<L: ::onereg::Layout<Raw = R>, R: ::onereg::support::Raw> ::core::fmt::LowerHex
            for Bits<L, R>
        {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::LowerHex::fmt(&::onereg::support::Raw::to_u128(self.0), f)
            }
        }

        impl<L: ::onereg::Layout<Raw = R>, R: ::onereg::support::Raw> ::core::str::FromStr
            for Bits<L, R>
        {
            type Err = ::onereg::support::ParseError;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                let bits = ::onereg::support::parse(text, L::NAME, L::FIELDS)?;
                ::onereg::support::Raw::from_u128(bits)
                    .map(Bits::new)
                    .ok_or(::onereg::support::ParseError::TooWide)
            }
        }

        impl<L, R: ::onereg::Value> ::onereg::Value for Bits<L, R> {
            const WIDTH: ::onereg::Width = R::WIDTH;

            #[inline]
            fn read<E>(
                size: usize,
                fill: impl ::core::ops::FnOnce(&mut [u8]) -> ::core::result::Result<(), E>,
            ) -> ::core::result::Result<Self, E> {
                R::read(size, fill).map(|bits| Bits(bits, ::core::marker::PhantomData))
            }

            #[inline]
            fn write<T>(self, size: usize, take: impl ::core::ops::FnOnce(&[u8]) -> T) -> T {
                ::onereg::Value::write(self.0, size, take)
            }
        }

        /// Value of an enumerated field, the one at position `FIELD` of layout `L`: any number that fits it, with names for
        /// some.
        pub struct Enum<L, const FIELD: usize>(u64, ::core::marker::PhantomData<fn() -> L>);

        impl<L, const FIELD: usize> Enum<L, FIELD> {
            /// Wraps a number.
            #[inline]
            pub const fn new(value: u64) -> Self {
                Enum(value, ::core::marker::PhantomData)
            }

            /// Returns the number.
            #[inline]
            pub const fn value(self) -> u64 {
                self.0
            }
        }

        impl<L: ::onereg::Layout, const FIELD: usize> Enum<L, FIELD> {
            /// Returns the name, where the number has one.
            pub fn name(self) -> ::core::option::Option<&'static str> {
                ::onereg::support::value_name(L::FIELDS, FIELD, self.0)
            }
        }

        /// Wraps a number; generated code calls it in place of [`Enum::new`], which the compiler searches for.
        #[allow(dead_code, reason = "not every table has enumerated fields")]
        const fn named<L, const FIELD: usize>(value: u64) -> Enum<L, FIELD> {
            Enum(value, ::core::marker::PhantomData)
        }

        impl<L, const FIELD: usize> ::core::clone::Clone for Enum<L, FIELD> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<L, const FIELD: usize> ::core::marker::Copy for Enum<L, FIELD> {}

        impl<L, const FIELD: usize> ::core::cmp::PartialEq for Enum<L, FIELD> {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<L, const FIELD: usize> ::core::cmp::Eq for Enum<L, FIELD> {}

        impl<L, const FIELD: usize> ::core::hash::Hash for Enum<L, FIELD> {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(&self.0, state);
            }
        }

        impl<L: ::onereg::Layout, const FIELD: usize> ::core::fmt::Debug for Enum<L, FIELD> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }

        impl<L: ::onereg::Layout, const FIELD: usize> ::core::fmt::Display for Enum<L, FIELD> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    ::core::option::Option::Some(name) => f.pad(name),
                    ::core::option::Option::None => ::core::write!(f, "{:#x}", self.0),
                }
            }
        }
    };
}

/// What generated code and the macro above call.
pub mod support {
    use core::fmt;

    use super::{Field, FieldKind, FieldValue};
    use crate::{Arch, Error, ErrorKind, Host, Operation, Place, Reg, Ulong};

    /// An integer that holds the bits of a layout.
    pub trait Raw: Copy {
        /// Widens.
        fn to_u128(self) -> u128;
        /// Narrows; `None` when bits would be lost.
        fn from_u128(bits: u128) -> Option<Self>;
    }

    macro_rules! raw_integers {
        ($($integer:ty)+) => {$(
            impl Raw for $integer {
                fn to_u128(self) -> u128 {
                    self.into()
                }

                fn from_u128(bits: u128) -> Option<Self> {
                    bits.try_into().ok()
                }
            }
        )+};
    }

    raw_integers!(u8 u16 u32 u64 u128);

    impl Raw for Ulong {
        fn to_u128(self) -> u128 {
            self.bits().into()
        }

        fn from_u128(bits: u128) -> Option<Self> {
            bits.try_into().ok().map(Ulong::new)
        }
    }

    macro_rules! access {
        ($($integer:ident: $bit:ident $take:ident $put:ident)+) => {$(
            /// Returns the bit `lsb`.
            #[inline]
            pub const fn $bit(bits: $integer, lsb: u32) -> bool {
                bits >> lsb & 1 != 0
            }

            /// Takes the bits of `mask << lsb`.
            #[inline]
            pub const fn $take(bits: $integer, mask: $integer, lsb: u32) -> $integer {
                bits >> lsb & mask
            }

            /// Puts `value` into the bits of `mask << lsb`.
            ///
            /// # Panics
            ///
            /// Panics when the value does not fit the mask.
            #[inline]
            #[track_caller]
            pub const fn $put(bits: $integer, value: $integer, mask: $integer, lsb: u32) -> $integer {
                assert!(value <= mask, "the value does not fit the field");
                bits & !(mask << lsb) | value << lsb
            }
        )+};
    }

    // Generated methods call these: a call compiles faster than the operators in it.
    access! {
        u8: bit_u8 take_u8 put_u8
        u16: bit_u16 take_u16 put_u16
        u32: bit_u32 take_u32 put_u32
        u64: bit_u64 take_u64 put_u64
        u128: bit_u128 take_u128 put_u128
    }

    /// Cuts a number to the two's complement of `width` bits.
    ///
    /// # Panics
    ///
    /// Panics when the number does not fit.
    #[inline]
    #[track_caller]
    pub const fn unsigned(value: i128, width: u32) -> u128 {
        let shift = 128 - width;
        assert!(value << shift >> shift == value, "the value does not fit the field");
        (value as u128) << shift >> shift
    }

    /// Picks the member `index` of a family.
    ///
    /// # Errors
    ///
    /// Returns the family's first register and its size when there is no such member.
    #[inline]
    pub fn member<A: Arch, V, K>(
        family: &[Reg<A, V, K>],
        index: usize,
        operation: Operation,
    ) -> Result<Reg<A, V, K>, Error> {
        family.get(index).copied().ok_or_else(|| {
            let place = family.first().map_or(Place::OneReg(0), |first| first.place());
            Error::new::<A>(
                operation,
                place,
                Host::LP64,
                ErrorKind::Index { index, count: family.len() },
            )
        })
    }

    /// Pairs every field that is not reserved with its value in `bits`.
    pub fn fields(
        fields: &'static [Field],
        bits: u128,
    ) -> impl DoubleEndedIterator<Item = FieldValue> {
        named(fields).map(move |field| FieldValue { field, value: field.extract(bits) })
    }

    fn named(fields: &'static [Field]) -> impl DoubleEndedIterator<Item = &'static Field> {
        fields.iter().filter(|field| !field.kind.is_reserved())
    }

    /// Writes `NAME { FIELD: value, ... } 0xBITS`, bit 0 first.
    pub fn format(
        f: &mut fmt::Formatter<'_>,
        name: &str,
        table: &'static [Field],
        bits: u128,
    ) -> fmt::Result {
        write!(f, "{name} {{")?;
        for (index, value) in fields(table, bits).rev().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator} {}: {value}", value.field.name)?;
        }
        write!(f, " }} {bits:#x}")
    }

    /// Finds the name that the field at `position` of a table has for `value`.
    pub fn value_name(
        table: &'static [Field],
        position: usize,
        value: u64,
    ) -> Option<&'static str> {
        table.get(position)?.value_name(value.into())
    }

    /// Why a text is no value of a layout.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ParseError {
        /// None of the forms of a value.
        Syntax,
        /// The item of this number, from 1, is for none of these fields.
        UnknownField(usize, &'static [Field]),
        /// A value that is neither a number nor a name of the field's.
        UnknownValue(&'static Field),
        /// A number that does not fit the field.
        FieldTooWide(&'static Field),
        /// A number that does not fit the register.
        TooWide,
        /// The field is given a second value, by another item or by the bits behind the fields.
        Contradiction(&'static Field),
    }

    impl fmt::Display for ParseError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                ParseError::Syntax => f.write_str(
                    "expected `NAME { FIELD: value, ... } 0xBITS`, its braces or its bits alone, \
                     or `FIELD=value, ...`",
                ),
                ParseError::UnknownField(item, table) => {
                    write!(f, "item {item} is for no field of the register; it has ")?;
                    list(f, named(table).rev().map(|field| field.name))
                }
                ParseError::UnknownValue(field) => {
                    write!(f, "{} has no such value; it takes ", field.name)?;
                    legal(f, field)
                }
                ParseError::FieldTooWide(field) => {
                    write!(f, "the number does not fit {}; it takes ", field.name)?;
                    legal(f, field)
                }
                ParseError::TooWide => f.write_str("the number does not fit the register"),
                ParseError::Contradiction(field) => {
                    write!(f, "{} is given two values; give it one", field.name)
                }
            }
        }
    }

    impl core::error::Error for ParseError {}

    /// Writes which values a field takes.
    fn legal(f: &mut fmt::Formatter<'_>, field: &Field) -> fmt::Result {
        if !field.values.is_empty() {
            list(f, field.values.iter().map(|(name, _)| *name))?;
            f.write_str(" or ")?;
        }
        let most = u128::MAX >> (128 - field.width());
        match field.kind {
            FieldKind::Int => write!(f, "a number from -{} to {most:#x}", most / 2 + 1),
            _ => write!(f, "a number up to {most:#x}"),
        }
    }

    fn list(
        f: &mut fmt::Formatter<'_>,
        mut names: impl Iterator<Item = &'static str>,
    ) -> fmt::Result {
        f.write_str(names.next().unwrap_or("none"))?;
        names.try_for_each(|name| write!(f, ", {name}"))
    }

    /// Reads what [`format`] writes, of which the name, the braces or the bits may be missing, or `FIELD=value, ...`.
    ///
    /// # Errors
    ///
    /// Returns why the text is no value of this layout.
    pub fn parse(text: &str, name: &str, table: &'static [Field]) -> Result<u128, ParseError> {
        let text = text.trim();
        let Some((head, rest)) = text.split_once('{') else {
            return match number(text) {
                Some(bits) => Ok(bits),
                None if text.contains('=') => assign_all(None, text, '=', table),
                None => Err(ParseError::Syntax),
            };
        };
        let (body, tail) = rest.split_once('}').ok_or(ParseError::Syntax)?;
        if !head.trim().is_empty() && head.trim() != name {
            return Err(ParseError::Syntax);
        }
        let given = match tail.trim() {
            "" => None,
            tail => Some(number(tail).ok_or(ParseError::Syntax)?),
        };
        assign_all(given, body, ':', table)
    }

    /// Puts the items of `body` into the bits that are `given`, which they may not change, or else into 0.
    fn assign_all(
        given: Option<u128>,
        body: &str,
        separator: char,
        table: &'static [Field],
    ) -> Result<u128, ParseError> {
        let mut bits = given.unwrap_or(0);
        let mut settled = if given.is_some() { u128::MAX } else { 0 };
        let items = body.split(',').map(str::trim).filter(|item| !item.is_empty());
        for (index, item) in items.enumerate() {
            let (name, value) = item.split_once(separator).ok_or(ParseError::Syntax)?;
            let field = named(table)
                .find(|field| field.name == name.trim())
                .ok_or(ParseError::UnknownField(index + 1, table))?;
            let assigned = assign(bits, field, value.trim())?;
            if (assigned ^ bits) & settled != 0 {
                return Err(ParseError::Contradiction(field));
            }
            bits = assigned;
            settled |= field.mask();
        }
        Ok(bits)
    }

    /// Puts `value`, a name or a number, into `field` of `bits`.
    fn assign(bits: u128, field: &'static Field, value: &str) -> Result<u128, ParseError> {
        let named = field
            .values
            .iter()
            .find(|(known, _)| *known == value)
            .map(|(_, value)| u128::from(*value));
        let value = match (named, value.strip_prefix('-')) {
            (Some(value), _) => value,
            (None, Some(magnitude)) => {
                let magnitude = number(magnitude).ok_or(ParseError::UnknownValue(field))?;
                let modulus = 1u128.checked_shl(field.width()).unwrap_or(0);
                if magnitude > modulus / 2 {
                    return Err(ParseError::FieldTooWide(field));
                }
                modulus.wrapping_sub(magnitude)
            }
            (None, None) => number(value).ok_or(ParseError::UnknownValue(field))?,
        };
        field.insert(bits, value).ok_or(ParseError::FieldTooWide(field))
    }

    fn number(text: &str) -> Option<u128> {
        match text.strip_prefix("0x") {
            Some(hex) => u128::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    }
}
