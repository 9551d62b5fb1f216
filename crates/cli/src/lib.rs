//! The programs of Redcedar.
