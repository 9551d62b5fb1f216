//! Other servers than the one of the other tests: one that checks signatures, a store on several machines, an old one.

mod ceph;
mod garage;
mod round;
mod strict;
