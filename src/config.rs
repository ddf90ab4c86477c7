//! Settings and their sections; the only reader of the environment.
