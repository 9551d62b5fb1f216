//! The way back: sources, chains, list, restore, verify, salvage.
