//! A table that is not there.

mod nowhere {
    onereg::registers!("tables/nowhere");
}

fn main() {}
