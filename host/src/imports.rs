//! Imports of a module, compared with the functions that Envoy offers and this host emulates.

/// The 39 functions of proxy-wasm ABI 0.2.1, module `env`.
pub(crate) const ENV: [&str; 39] = [
    "proxy_log",
    "proxy_get_log_level",
    "proxy_get_status",
    "proxy_done",
    "proxy_set_effective_context",
    "proxy_call_foreign_function",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_size",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_set_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_send_local_response",
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_set_property",
];

/// Imports of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// Every import, as `module.name`.
    pub imported: Vec<String>,
    /// Imports that Envoy offers without an implementation, as this host does: they return an error.
    pub stubs: Vec<String>,
    /// Imports that this host emulates only in part, each with a description of the gap.
    pub partial: Vec<(String, &'static str)>,
}

/// Functions that this host emulates only in part.
const PARTIAL: &[(&str, &str)] = &[
    (
        "proxy_call_foreign_function",
        "declare_property, set_envoy_filter_state and clear_route_cache are emulated; compress, uncompress, \
         verify_signature, sign and expr_* return NOT_FOUND",
    ),
    (
        "proxy_get_property",
        "attributes of TLS, of the connection and of xds, names excepted, only if the request sets them",
    ),
];

/// Returns an export that Envoy requires and the module lacks, if there is one.
pub(crate) fn missing_export(module: &wasmtime::Module) -> Option<&'static str> {
    [
        (&["memory"][..], "memory"),
        (&["proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0"], "proxy_abi_version_0_2_1 (or _0_2_0)"),
        (&["proxy_on_memory_allocate", "malloc"], "proxy_on_memory_allocate (or malloc)"),
    ]
    .into_iter()
    .find(|(names, _)| !names.iter().any(|name| module.get_export(name).is_some()))
    .map(|(_, missing)| missing)
}

/// Compares a module's imports with the functions that Envoy offers and this host emulates.
///
/// # Errors
/// The imports that Envoy does not offer.
pub(crate) fn coverage(module: &wasmtime::Module) -> Result<Coverage, Vec<String>> {
    let mut coverage = Coverage::default();
    let mut unknown = Vec::new();
    for import in module.imports() {
        let full = format!("{}.{}", import.module(), import.name());
        let wasi = matches!(import.module(), "wasi_snapshot_preview1" | "wasi_unstable");
        if import.module() == "env" && ENV.contains(&import.name()) {
            if let Some((_, missing)) = PARTIAL.iter().find(|(name, _)| *name == import.name()) {
                coverage.partial.push((full.clone(), missing));
            }
        } else if wasi && crate::wasi::NAMES.contains(&import.name()) {
            if !crate::wasi::EMULATED.contains(&import.name()) {
                coverage.stubs.push(full.clone());
            }
        } else {
            unknown.push(full.clone());
        }
        coverage.imported.push(full);
    }
    if unknown.is_empty() { Ok(coverage) } else { Err(unknown) }
}
