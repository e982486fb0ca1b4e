//! A table with mistakes: the first is told, the others are counted.

mod bad {
    onereg::registers!("tables/bad");
}

fn main() {}
