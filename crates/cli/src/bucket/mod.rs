//! What the programs have in common that have to do with buckets.

pub(crate) mod cost;
pub(crate) mod customer_key;
pub(crate) mod place;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod thin;
