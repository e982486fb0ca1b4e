//! Generated code names everything by its absolute path: no prelude, and other things of the same names, change nothing.

#![no_implicit_prelude]
#![deny(warnings)]

/// Names of the standard library, taken.
#[allow(dead_code, non_camel_case_types, reason = "they are only in the way")]
mod names {
    pub struct Option;
    pub struct Some;
    pub struct None;
    pub struct Result;
    pub struct Ok;
    pub struct Err;
    pub struct String;
    pub struct Vec;
    pub struct Box;
    pub trait Clone {}
    pub trait Copy {}
    pub trait Default {}
    pub trait Iterator {}
    pub trait Sized {}
    pub mod core {}
    pub mod std {}
    pub mod onereg {}
}

/// Registers beside these names.
mod uart {
    #[allow(unused_imports, reason = "they are only in the way")]
    use crate::names::*;

    ::onereg::registers!("tables/uart");
}

/// A set beside these names.
mod set {
    #[allow(unused_imports, reason = "they are only in the way")]
    use crate::names::*;

    #[derive(::onereg::RegisterSet)]
    #[registers(crate::uart)]
    pub struct Set {
        pub data: u32,
        #[register(FIFO[2])]
        pub queue: u16,
        pub control: crate::uart::Control,
    }
}

fn main() {
    use ::onereg::{RegisterSet, WritableSet};

    let block = ::onereg::Memory::<uart::Uart>::new(::onereg::Host::LP64);
    let control = uart::Control::new(1);
    set::Set { data: 1, queue: 2, control }.write(&block).unwrap();
    let read = set::Set::read(&block).unwrap();
    ::std::assert_eq!((read.data, read.queue, read.control.bits()), (1, 2, 1));
}
