//! Routes: first match wins, on the headers as they are when the router sees them.

use std::time::Duration;

use crate::Headers;

#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    Prefix(String),
    Path(String),
    Header(String, Option<Vec<u8>>),
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Cluster(String),
    Direct(u16, Vec<u8>),
    None,
}

/// One route of the listener.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) name: String,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) target: Target,
    pub(crate) timeout: Option<Duration>,
    pub(crate) request_buffer_limit: Option<usize>,
}

impl Route {
    fn of(matcher: Matcher) -> Route {
        Route {
            name: String::new(),
            matchers: vec![matcher],
            target: Target::None,
            timeout: Some(Duration::from_secs(15)),
            request_buffer_limit: None,
        }
    }

    /// Matches paths that begin so.
    pub fn prefix(prefix: impl Into<String>) -> Route {
        Route::of(Matcher::Prefix(prefix.into()))
    }

    /// Matches exactly this path (the query is not looked at).
    pub fn path(path: impl Into<String>) -> Route {
        Route::of(Matcher::Path(path.into()))
    }

    /// Matches requests whose header has exactly this value.
    pub fn header_equals(name: &str, value: impl Into<Vec<u8>>) -> Route {
        Route::of(Matcher::Header(name.to_ascii_lowercase(), Some(value.into())))
    }

    /// Matches requests that have the header at all.
    pub fn header_present(name: &str) -> Route {
        Route::of(Matcher::Header(name.to_ascii_lowercase(), None))
    }

    /// And the path begins so.
    pub fn and_prefix(mut self, prefix: impl Into<String>) -> Route {
        self.matchers.push(Matcher::Prefix(prefix.into()));
        self
    }

    /// And the header has exactly this value.
    pub fn and_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Route {
        self.matchers.push(Matcher::Header(name.to_ascii_lowercase(), Some(value.into())));
        self
    }

    /// The route's name, as `xds.route_name` gives it.
    pub fn name(mut self, name: impl Into<String>) -> Route {
        self.name = name.into();
        self
    }

    /// Sends the request to a cluster. One that the process does not know answers 503.
    pub fn cluster(mut self, cluster: impl Into<String>) -> Route {
        self.target = Target::Cluster(cluster.into());
        self
    }

    /// Answers without an upstream.
    pub fn direct_response(mut self, status: u16, body: impl Into<Vec<u8>>) -> Route {
        self.target = Target::Direct(status, body.into());
        self
    }

    /// The route's timeout, counted from the end of the request to the end of the answer: 15 s unless told; `None` is
    /// no limit.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Route {
        self.timeout = timeout;
        self
    }

    /// `request_body_buffer_limit` of the route (Envoy 1.37 and newer): replaces the listener's for its requests.
    pub fn request_buffer_limit(mut self, bytes: usize) -> Route {
        self.request_buffer_limit = Some(bytes);
        self
    }

    pub(crate) fn matches(&self, headers: &Headers) -> bool {
        let path = headers.text(":path").unwrap_or_default();
        self.matchers.iter().all(|matcher| match matcher {
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Matcher::Path(exact) => path.split('?').next() == Some(exact),
            Matcher::Header(name, Some(value)) => {
                // Envoy matches the values of a repeated header joined by commas.
                headers.all(name).collect::<Vec<_>>().join(&b","[..]) == *value && headers.contains(name)
            }
            Matcher::Header(name, None) => headers.contains(name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_path_and_headers() {
        let headers: Headers =
            [(":path", "/v1/chat?x=1"), ("x-model", "a"), ("x-n", "1"), ("x-n", "2")].into_iter().collect();
        for (route, expected) in [
            (Route::prefix("/"), true),
            (Route::prefix("/v2"), false),
            (Route::path("/v1/chat"), true),
            (Route::path("/v1"), false),
            (Route::header_equals("X-Model", "a"), true),
            (Route::header_equals("x-model", "b"), false),
            (Route::header_equals("x-n", "1,2"), true),
            (Route::header_equals("x-absent", ""), false),
            (Route::header_present("x-n").and_prefix("/v1").and_header("x-model", "a"), true),
            (Route::header_present("x-n").and_prefix("/v2"), false),
        ] {
            assert_eq!(route.matches(&headers), expected, "{route:?}");
        }
    }
}
