//! Trees, faults and oracles for the tests of Redcedar.
