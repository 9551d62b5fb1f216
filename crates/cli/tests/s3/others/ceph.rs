//! An old server, which knows nothing of newer checksums.
