//! Macros of onereg; the crate `onereg` re-exports them with its feature `macros`.

mod set;
mod tables;

use proc_macro::TokenStream;

/// Generates typed registers from a folder of tables: the same as the modules of `onereg`, for tables of your own.
///
/// The argument is the folder of an `arch.yaml`, or the file itself, relative to the `Cargo.toml` of the calling crate.
/// The content of the module appears in place, so the usual call is alone in a module:
///
/// ```text
/// /// Registers of the UART.
/// pub mod uart {
///     onereg::registers!("tables/uart");
/// }
/// ```
///
/// A change of a table compiles the calling crate again. A table that is wrong does not compile: the error is the first
/// finding, as `FILE:LINE:COLUMN: error: MESSAGE`; `onereg check` prints all of them.
#[proc_macro]
pub fn registers(input: TokenStream) -> TokenStream {
    let path = syn::parse_macro_input!(input as syn::LitStr);
    tables::expand(&path).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `RegisterSet` and `WritableSet` for a struct whose fields are the values of registers.
///
/// `#[registers(MODULE)]` says whose registers they are: `onereg::arm64`, or a module of [`registers!`]. A field is the
/// value of the register with its name in upper case, or of the one that `#[register(NAME)]` says; `NAME` is a
/// constant of the module, or a member of a family: `X[0]`. With `#[registers(MODULE, read_only)]` the set is only
/// read, and may hold read-only registers.
#[proc_macro_derive(RegisterSet, attributes(registers, register))]
pub fn register_set(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    set::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
