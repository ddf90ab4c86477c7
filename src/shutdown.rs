//! How the process stops.
