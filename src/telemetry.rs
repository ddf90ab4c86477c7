//! Log lines: who hears them, and how.
