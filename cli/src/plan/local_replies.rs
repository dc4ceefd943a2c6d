//! Local replies of a bootstrap: the part of `local_reply_config` that the runner understands.

use serde_json::Value;

/// Changes that a bootstrap makes to Envoy's own replies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocalReplies {
    /// Body of the reply to a request whose cluster does not exist (response flag `NC`); `None` if it is Envoy's.
    pub(super) without_cluster: Option<String>,
}

impl LocalReplies {
    /// Reads the `local_reply_config` of a connection manager.
    ///
    /// Mappers that select replies by response flags leave those of the filters alone, which have no flag. So do mappers for requests
    /// that ask for a WebSocket: the filters have a reply of their own to these, with the status that such a mapper sets.
    ///
    /// # Errors
    /// The configuration changes the replies of the filters, which the runner would not show.
    pub(super) fn of(hcm: &Value) -> Result<LocalReplies, String> {
        let mut replies = LocalReplies::default();
        let Some(config) = hcm.get("local_reply_config") else { return Ok(replies) };
        if config.get("body_format").is_some() {
            return Err(unsupported("`local_reply_config.body_format` changes the replies of the filters"));
        }
        let mappers = config.get("mappers").and_then(Value::as_array);
        for (index, mapper) in mappers.into_iter().flatten().enumerate() {
            if is_for_upgrades(mapper) {
                continue;
            }
            let flags = mapper.pointer("/filter/response_flag_filter/flags").and_then(Value::as_array);
            let Some(flags) = flags.filter(|flags| !flags.is_empty()) else {
                let problem = format!(
                    "`local_reply_config.mappers[{index}]` may change the replies of the filters, because it does not \
                     select replies by response flags"
                );
                return Err(unsupported(&problem));
            };
            if replies.without_cluster.is_some() || !flags.iter().any(|flag| flag == "NC") {
                continue;
            }
            if mapper.get("status_code").is_some() {
                let place = format!("`local_reply_config.mappers[{index}].status_code`");
                return Err(unsupported(&format!("{place} changes the status of a route without a cluster")));
            }
            replies.without_cluster = mapper.pointer("/body/inline_string").and_then(Value::as_str).map(str::to_owned);
        }
        Ok(replies)
    }
}

/// Returns `true` if a mapper selects only replies to requests that ask for a WebSocket.
fn is_for_upgrades(mapper: &Value) -> bool {
    let filters = mapper.pointer("/filter/and_filter/filters").and_then(Value::as_array);
    filters.into_iter().flatten().any(|filter| {
        let header = filter.pointer("/header_filter/header");
        let member = |pointer| header.and_then(|header| header.pointer(pointer)).and_then(Value::as_str);
        member("/name") == Some("upgrade") && member("/string_match/exact") == Some("websocket")
    })
}

fn unsupported(problem: &str) -> String {
    format!("{problem}, which `tollgate test` does not support")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mappers_of_the_filters_replies_are_named() {
        let of = |config: Value| LocalReplies::of(&json!({ "local_reply_config": config }));
        let by_flags = |flags: &[&str]| json!({"response_flag_filter": {"flags": flags}});
        let without_cluster = json!({"mappers": [
            {"filter": by_flags(&["UF", "UH"]), "status_code": 502},
            {"filter": by_flags(&["NC"]), "body": {"inline_string": "no"}},
        ]});
        assert_eq!(of(without_cluster).unwrap().without_cluster.as_deref(), Some("no"));
        assert_eq!(LocalReplies::of(&json!({})), Ok(LocalReplies::default()));
        let to_upgrades = json!({"and_filter": {"filters": [
            {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 403}}}},
            {"header_filter": {"header": {"name": "upgrade", "string_match": {"exact": "websocket"}}}},
        ]}});
        let mappers = json!({"mappers": [{"filter": to_upgrades, "status_code": 426}]});
        assert_eq!(of(mappers), Ok(LocalReplies::default()));
        let by_status = json!({"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 500}}}});
        for (config, words) in [
            (json!({"body_format": {"json_format": {}}}), "`local_reply_config.body_format`"),
            (json!({"mappers": [{"filter": by_status}]}), "`local_reply_config.mappers[0]` may change"),
            (json!({"mappers": [{"filter": by_flags(&[])}]}), "`local_reply_config.mappers[0]` may change"),
            (json!({"mappers": [{"filter": by_flags(&["NC"]), "status_code": 400}]}), "mappers[0].status_code"),
        ] {
            let problem = of(config).unwrap_err();
            assert!(problem.contains(words) && problem.ends_with("`tollgate test` does not support"), "{problem}");
        }
    }
}
