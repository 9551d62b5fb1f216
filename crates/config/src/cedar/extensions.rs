//! `extensions`: actions beyond the built-in ones.

use crate::Located;
use crate::value::OrderMode;

/// The `extensions` section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extensions {
    /// How actions are ordered; absent means by index.
    pub order_mode: Option<OrderMode>,
    /// The actions, in file order.
    pub actions: Vec<ExtendedAction>,
}

/// One `action` element.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedAction {
    /// The name by which it is asked for.
    pub name: Located<String>,
    /// The original's Python module, such as `CedarBackup3.extend.mysql`.
    pub module: Located<String>,
    /// The function in it.
    pub function: Located<String>,
    /// Its place in index mode.
    pub index: Option<u64>,
    /// Its place in dependency mode: the names it runs before.
    pub run_before: Option<Vec<Located<String>>>,
    /// Its place in dependency mode: the names it runs after.
    pub run_after: Option<Vec<Located<String>>>,
    /// Whether there was a `depends` element at all.
    pub has_depends: bool,
}
