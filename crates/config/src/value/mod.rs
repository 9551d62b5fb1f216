//! The kinds of values that elements hold.

mod enumerations;

pub use enumerations::{
    ArchiveMode, BlankMode, CollectMode, DeviceType, IgnoreFailures, MediaType, OrderMode, StartingDay,
    UnknownLiteral,
};
