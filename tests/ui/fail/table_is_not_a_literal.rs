//! A table that is named by a constant.

const TABLES: &str = "tables/uart";

mod uart {
    onereg::registers!(super::TABLES);
}

fn main() {}
