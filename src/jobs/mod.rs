//! Work that runs again and again: idempotent, safe to run twice.
