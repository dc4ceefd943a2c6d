//! Exact token counts and prompt framing.
