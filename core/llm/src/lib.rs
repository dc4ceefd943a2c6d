//! LLM wire formats as views of spans over the original bytes.
