//! Backups for a small pool of machines, with the restore: the library.
