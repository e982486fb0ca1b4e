//! `#[derive(RegisterSet)]`: a struct of register values as one set.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, Path, Result, Token, Type, bracketed,
    token,
};

/// Expands to the implementations of the two traits.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Header { module, read_only } = header(input)?;
    let members = members(input)?;
    let name = &input.ident;
    let registers = |check: &str| nest(&members, &|member| member.register.checked(&module, check));
    let (readable, writable) = (registers("readable"), registers("writable"));
    let pattern = nest(&members, &|member| member.value.to_token_stream());
    let fields = members.iter().map(|Member { name, value, kind, .. }| {
        // A value of another type is an error at the type that the field has.
        let value = Ident::new(&value.to_string(), kind.span());
        quote_spanned!(kind.span()=> #name: #value)
    });
    let read = quote! {
        impl ::onereg::RegisterSet<#module::Marker> for #name {
            fn read<T>(target: &T) -> ::core::result::Result<Self, ::onereg::BulkError>
            where
                T: ::onereg::Registers<#module::Marker> + ?::core::marker::Sized,
            {
                let #pattern = ::onereg::Registers::get_many(target, #readable)?;
                ::core::result::Result::Ok(#name { #(#fields),* })
            }
        }
    };
    if read_only {
        return Ok(read);
    }
    let values = nest(&members, &|Member { name, .. }| quote!(self.#name));
    Ok(quote! {
        #read

        impl ::onereg::WritableSet<#module::Marker> for #name {
            fn write_or<T>(
                &self,
                target: &T,
                on_failure: ::onereg::OnFailure,
            ) -> ::core::result::Result<(), ::onereg::BulkError>
            where
                T: ::onereg::Registers<#module::Marker> + ?::core::marker::Sized,
            {
                ::onereg::Registers::set_many_or(target, #writable, #values, on_failure)
            }
        }
    })
}

/// `#[registers(MODULE, read_only)]`.
struct Header {
    module: Path,
    read_only: bool,
}

impl Parse for Header {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let module = input.call(Path::parse_mod_style)?;
        if input.is_empty() {
            return Ok(Header { module, read_only: false });
        }
        input.parse::<Token![,]>()?;
        let option: Ident = input.parse()?;
        if option != "read_only" {
            return Err(Error::new(option.span(), "unknown option: expected `read_only`"));
        }
        Ok(Header { module, read_only: true })
    }
}

/// `NAME` or `NAME[INDEX]`.
struct Register {
    name: Ident,
    index: Option<Expr>,
}

impl Parse for Register {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        if !input.peek(token::Bracket) {
            return Ok(Register { name, index: None });
        }
        let index;
        bracketed!(index in input);
        Ok(Register { name, index: Some(index.parse()?) })
    }
}

impl Register {
    /// The register as an expression, through a function that checks it: what is wrong with it is said at its name.
    fn checked(&self, module: &Path, check: &str) -> TokenStream {
        let Register { name, index } = self;
        let index = index.iter();
        let check = Ident::new(check, name.span());
        let mut module = module.clone();
        for segment in &mut module.segments {
            segment.ident.set_span(segment.ident.span().located_at(name.span()));
        }
        quote_spanned!(name.span()=> ::onereg::set_support::#check(#module::#name #([#index])*))
    }
}

/// A field of the struct.
struct Member<'a> {
    name: &'a Ident,
    kind: &'a Type,
    register: Register,
    /// Variable that holds its value.
    value: Ident,
}

fn header(input: &DeriveInput) -> Result<Header> {
    let attribute = only(&input.attrs, "registers")?.ok_or_else(|| {
        let help = "say whose registers these are: `#[registers(onereg::arm64)]`";
        Error::new(input.ident.span(), help)
    })?;
    attribute.parse_args()
}

fn members(input: &DeriveInput) -> Result<Vec<Member<'_>>> {
    let wrong = |message| Err(Error::new(input.ident.span(), message));
    let Data::Struct(data) = &input.data else {
        return wrong("a register set is a struct");
    };
    let Fields::Named(fields) = &data.fields else {
        return wrong("a register set is a struct with named fields");
    };
    if !input.generics.params.is_empty() {
        return wrong("a register set has no generic parameters");
    }
    if fields.named.is_empty() {
        return wrong("a register set has at least one field");
    }
    fields.named.iter().filter_map(|field| member(field).transpose()).collect()
}

/// Reads a field; fields of a struct with named ones have a name.
fn member(field: &Field) -> Result<Option<Member<'_>>> {
    let Some(name) = &field.ident else { return Ok(None) };
    let register = match only(&field.attrs, "register")? {
        Some(attribute) => attribute.parse_args()?,
        None => {
            let constant = name.unraw().to_string().to_uppercase();
            Register { name: Ident::new(&constant, name.span()), index: None }
        }
    };
    let value = format_ident!("value_of_{}", name.unraw());
    Ok(Some(Member { name, kind: &field.ty, register, value }))
}

/// The attribute `name`, which may stand once.
fn only<'a>(attributes: &'a [Attribute], name: &str) -> Result<Option<&'a Attribute>> {
    let mut found = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let first = found.next();
    match found.next() {
        Some(second) => Err(Error::new(second.span(), format!("`#[{name}(...)]` twice"))),
        None => Ok(first),
    }
}

/// Arranges one expression per member as tuples of at most as many as a set can have: twelve.
fn nest(members: &[Member<'_>], each: &dyn Fn(&Member<'_>) -> TokenStream) -> TokenStream {
    const MOST: usize = 12;
    let mut size = 1;
    while size * MOST < members.len() {
        size *= MOST;
    }
    let items = members.chunks(size).map(|chunk| match chunk {
        [member] if size == 1 => each(member),
        chunk => nest(chunk, each),
    });
    quote!((#(#items,)*))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand_text(input: &str) -> std::result::Result<String, String> {
        let input = syn::parse_str(input).expect("the struct is Rust");
        expand(&input).map(|code| code.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_is_the_register_of_its_name() {
        let code = expand_text("#[registers(a::b)] struct S { pc: u64, r#in: u8 }").unwrap();
        let register = |name| code.contains(&format!("readable (a :: b :: {name})"));
        assert!(register("PC") && register("IN"), "{code}");
        assert!(code.contains("(self . pc , self . r#in ,)"), "{code}");
    }

    #[test]
    fn an_attribute_names_another_register() {
        let code = expand_text("#[registers(m)] struct S { #[register(X[0])] a: u64 }").unwrap();
        assert!(code.contains("writable (m :: X [0])"), "{code}");
    }

    #[test]
    fn a_set_that_is_only_read_cannot_be_written() {
        let both = expand_text("#[registers(m)] struct S { a: u64 }").unwrap();
        let read = expand_text("#[registers(m, read_only)] struct S { a: u64 }").unwrap();
        assert!(both.contains("WritableSet"));
        assert!(read.contains("RegisterSet") && !read.contains("WritableSet"));
    }

    #[test]
    fn many_fields_are_nested_in_the_order_of_the_struct() {
        for count in [1, 11, 12, 13, 24, 144, 145, 1729] {
            let fields: String = (0..count).map(|index| format!("f{index}: u64,")).collect();
            let code = expand_text(&format!("#[registers(m)] struct S {{ {fields} }}")).unwrap();
            assert_eq!(code.matches("self . f").count(), count);
            let at = |index: usize| code.find(&format!("self . f{index} ,"));
            assert!((1..count).all(|index| at(index - 1) < at(index)), "{count}");
        }
    }

    #[test]
    fn misuse_is_explained() {
        let cases = [
            ("struct S { a: u64 }", "say whose registers these are: `#[registers(onereg::arm64)]`"),
            ("#[registers(m)] #[registers(n)] struct S { a: u64 }", "`#[registers(...)]` twice"),
            (
                "#[registers(m, readonly)] struct S { a: u64 }",
                "unknown option: expected `read_only`",
            ),
            ("#[registers(m)] struct S;", "a register set is a struct with named fields"),
            ("#[registers(m)] struct S(u64);", "a register set is a struct with named fields"),
            ("#[registers(m)] struct S {}", "a register set has at least one field"),
            ("#[registers(m)] struct S<T> { a: T }", "a register set has no generic parameters"),
            ("#[registers(m)] enum S { A }", "a register set is a struct"),
            (
                "#[registers(m)] struct S { #[register(A)] #[register(B)] a: u64 }",
                "`#[register(...)]` twice",
            ),
            ("#[registers(m)] struct S { #[register(1)] a: u64 }", "expected identifier"),
            (
                "#[registers(m)] struct S { #[register] a: u64 }",
                "expected attribute arguments in parentheses: #[register(...)]",
            ),
        ];
        for (input, message) in cases {
            assert_eq!(expand_text(input).unwrap_err(), message, "{input}");
        }
    }
}
