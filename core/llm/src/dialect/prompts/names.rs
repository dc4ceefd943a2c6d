//! Member names and discriminator values of the APIs.
//!
//! Source: see the parent module.

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the APIs define.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "agent",
        "agent_config",
        "background",
        "batch",
        "chat_history",
        "completion_args",
        "completion_window",
        "custom_id",
        "displayName",
        "display_name",
        "endpoint",
        "expires_after",
        "extra_body",
        "generation_config",
        "handoff_execution",
        "inputConfig",
        "input_config",
        "input_file_id",
        "input_files",
        "input_reference",
        "inputs",
        "items",
        "message",
        "metadata",
        "params",
        "preamble",
        "previous_interaction_id",
        "request",
        "requests",
        "response_modalities",
        "sampling_params",
        "seconds",
        "session",
        "size",
        "store",
        "system_instruction",
        "voice",
    ],
    kinds: &["message", "realtime", "transcription"],
};
