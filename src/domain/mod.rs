//! What a consultation means afterwards; pure.
