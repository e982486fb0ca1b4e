//! Macros of onereg.
