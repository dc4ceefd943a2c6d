//! The identity header: one that Envoy sets before the filters is honoured, a client's own copy is not.

use std::time::Duration;

use serde_json::json;
use tollgate_envoy_harness::{Gateway, client as harness_client};

use crate::chat::{Chat, UNMETERED};
use crate::client::{self, Framing};
use crate::deployment::{self, Deployment};
use crate::findings::Findings;

const IDENTITY: &str = "x-tollgate-consumer";

/// Timeout of one exchange.
const LIMIT: Duration = Duration::from_secs(30);

/// Consumer whose budget is used up.
const SPENT: &str = "spent";

const HTTP_FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// Starts a gateway whose first filter sets the identity header to the value of `x-authenticated`, as an authentication
/// filter would from its own findings.
fn start(deployment: &Deployment, mock: &tollgate_mock_llm::MockLlm, append_action: &str) -> Gateway {
    let mut bootstrap = deployment.bootstrap(mock);
    let header = json!({"key": IDENTITY, "value": "%REQ(x-authenticated)%"});
    let filter = json!({
        "name": "authentication",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"request_mutations": [{"append": {"header": header, "append_action": append_action}}]},
        },
    });
    let filters = bootstrap.document_mut().pointer_mut(HTTP_FILTERS).unwrap().as_array_mut().unwrap();
    filters.insert(0, filter);
    deployment.start(bootstrap)
}

fn request(authenticated: &str, own_copy: Option<&str>) -> client::Request {
    let mut request = Chat::new().header("x-authenticated", authenticated).at("/v1/chat/completions");
    request.headers.retain(|(name, _)| name != IDENTITY);
    request.headers.push(("x-tollgate-verdict".into(), b"forged".to_vec()));
    if let Some(own_copy) = own_copy {
        request.headers.push((IDENTITY.into(), own_copy.into()));
        request.headers.push((IDENTITY.replace('-', "_"), own_copy.into()));
    }
    request
}

/// An authentication filter that overwrites the header decides who pays. One that appends makes a client's own copy a
/// second value, which is refused. Owned names are removed from headers and trailers in any case.
pub async fn header(deployment: Deployment) {
    let mut findings = Findings::new(deployment.name);
    for (action, authenticated, own_copy, want) in [
        ("OVERWRITE_IF_EXISTS_OR_ADD", UNMETERED, None, 200),
        ("OVERWRITE_IF_EXISTS_OR_ADD", UNMETERED, Some(SPENT), 200),
        ("OVERWRITE_IF_EXISTS_OR_ADD", SPENT, Some(UNMETERED), 429),
        ("APPEND_IF_EXISTS_OR_ADD", UNMETERED, None, 200),
        ("APPEND_IF_EXISTS_OR_ADD", SPENT, Some(UNMETERED), 400),
    ] {
        let mock = deployment::mock();
        let gateway = start(&deployment, &mock, action);
        for framing in [Framing::Http1Length, Framing::Http2Whole, Framing::Http2Trailers] {
            findings.about(format_args!("{action}, {authenticated}, client sends {own_copy:?} / {framing}"));
            let mut request = request(authenticated, own_copy).framed(gateway.address(), framing);
            if framing == Framing::Http2Trailers {
                request.body.trailers.push((IDENTITY.to_owned(), SPENT.into()));
                request.body.trailers.push(("x_tollgate_route".to_owned(), b"local".to_vec()));
            }
            let before = mock.received().len();
            match harness_client::exchange(
                gateway.address(),
                framing.protocol(),
                &request,
                &harness_client::stay,
                LIMIT,
            )
            .await
            {
                Ok(response) => {
                    findings.same("status", response.status, want);
                    if want == 400 {
                        let error = response.decoded().error.unwrap_or_default();
                        findings.same("error.code", error["code"].as_str(), Some("consumer_ambiguous"));
                    }
                }
                Err(error) => findings.add(error),
            }
            let received = mock.received();
            findings.same("requests at an upstream", received.len() - before, usize::from(want == 200));
            for received in received.iter().skip(before) {
                let values: Vec<_> = received.header_values(IDENTITY).collect();
                findings.same("identity at the upstream", values, vec![authenticated.as_bytes()]);
                for name in ["x_tollgate_consumer", "x-tollgate-verdict"] {
                    findings.same(name, received.header(name), None::<&[u8]>);
                }
                if framing == Framing::Http2Trailers {
                    let names: Vec<_> = received.trailers.iter().map(|(name, _)| name.as_str()).collect();
                    findings.same("trailers at the upstream", names, vec!["x-checksum"]);
                }
            }
        }
    }
    findings.settle();
}
