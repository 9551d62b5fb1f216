use std::cell::RefCell;
use std::io;

type Hook = Box<dyn FnMut(u64) -> io::Result<()>>;

thread_local! {
    static BEFORE_READ: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Lets a test step in before each read of a file's content.
pub(super) fn before_read(offset: u64) -> io::Result<()> {
    BEFORE_READ.with_borrow_mut(|hook| hook.as_mut().map_or(Ok(()), |hook| hook(offset)))
}
