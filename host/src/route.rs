//! Routes: the first match wins, on the headers that the router sees.

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

/// Route of a listener.
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

    /// Matches paths with a prefix.
    pub fn prefix(prefix: impl Into<String>) -> Route {
        Route::of(Matcher::Prefix(prefix.into()))
    }

    /// Matches one path exactly, without its query.
    pub fn path(path: impl Into<String>) -> Route {
        Route::of(Matcher::Path(path.into()))
    }

    /// Matches requests whose header has exactly this value.
    pub fn header_equals(name: &str, value: impl Into<Vec<u8>>) -> Route {
        Route::of(Matcher::Header(name.to_ascii_lowercase(), Some(value.into())))
    }

    /// Matches requests that have the header.
    pub fn header_present(name: &str) -> Route {
        Route::of(Matcher::Header(name.to_ascii_lowercase(), None))
    }

    /// Requires a prefix of the path as well.
    pub fn and_prefix(mut self, prefix: impl Into<String>) -> Route {
        self.matchers.push(Matcher::Prefix(prefix.into()));
        self
    }

    /// Requires an exact value of a header as well.
    pub fn and_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Route {
        self.matchers.push(Matcher::Header(name.to_ascii_lowercase(), Some(value.into())));
        self
    }

    /// Requires that a header be present as well.
    pub fn and_header_present(mut self, name: &str) -> Route {
        self.matchers.push(Matcher::Header(name.to_ascii_lowercase(), None));
        self
    }

    /// Sets the route's name, which `xds.route_name` returns.
    pub fn name(mut self, name: impl Into<String>) -> Route {
        self.name = name.into();
        self
    }

    /// Sends the request to a cluster. A cluster that the process does not know gives 503.
    pub fn cluster(mut self, cluster: impl Into<String>) -> Route {
        self.target = Target::Cluster(cluster.into());
        self
    }

    /// Responds without an upstream.
    pub fn direct_response(mut self, status: u16, body: impl Into<Vec<u8>>) -> Route {
        self.target = Target::Direct(status, body.into());
        self
    }

    /// Sets the route's timeout, from the end of the request to the end of the response: 15 s by default; `None` is no limit.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Route {
        self.timeout = timeout;
        self
    }

    /// Sets `request_body_buffer_limit` (Envoy 1.37 and newer), which replaces the listener's limit for the route's requests.
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
            (Route::prefix("/").and_header_present("X-Model"), true),
            (Route::prefix("/").and_header_present("x-absent"), false),
        ] {
            assert_eq!(route.matches(&headers), expected, "{route:?}");
        }
    }
}
