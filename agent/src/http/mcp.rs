//! The Model Context Protocol: the service as tools, resources and prompts, at `/mcp` and on standard input and output.
//!
//! Knows no question: a tool is a line of `mcp/tools.rs`, its arguments are read by the tables of the HTTP API, and what it asks
//! goes through the same door as queries. No session is kept: every request stands for itself, so there is nothing to time out.
//! The surprise: a mistake in arguments is a result that says so, not an error of the protocol, because models read only results.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse,
    Implementation, ListPromptsResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, serve_server};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};

mod answer;
mod arguments;
mod call;
mod findings;
mod lists;
mod prompts;
mod resources;
mod studies;
mod tools;

use crate::http::error::ApiError;
use crate::http::host::HostRule;
use crate::http::{MAX_REQUEST_BODY_BYTES, Shared};
use crate::service::question::AskError;

/// Where it is on the API's listener.
pub(super) const PATH: &str = "/mcp";
/// How long a call may take, its wait for a turn included. What it reads is bounded by less.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may take, the reading of its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

const TOO_SLOW: &str = "this took longer than 30 s: ask for a shorter range, or for fewer containers or metrics";

const INSTRUCTIONS: &str = "\
What containers of a Kubernetes node used, once a second, and what studies find in it. Begin with list_containers or top to find \
a container's id, then summarize_container. analyze_container looks closer; find_changes tells what changed in a window; \
find_related what moved together; compare sets a window against another or against another container. Times are RFC 3339, \
milliseconds since 1970, now, or -15m; range is a length such as 15m or 1h, or all. Without them the last hour is meant. Answers \
are short and say what they left out. Every link shows the same view to a person. fgm://guide says how to read findings.";

/// The handler of every request.
#[derive(Clone, Debug)]
pub(super) struct Mcp {
    shared: Arc<Shared>,
}

/// The path, with what the protocol asks of `Origin`.
pub(super) fn router(shared: &Arc<Shared>, host: HostRule) -> Router<Arc<Shared>> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        // The gate and the layer below check these by the listener's rule.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(MAX_REQUEST_BODY_BYTES);
    let shared = Arc::clone(shared);
    let serve = move || Ok(Mcp { shared: Arc::clone(&shared) });
    let service = StreamableHttpService::new(serve, Arc::new(NeverSessionManager::default()), config);
    Router::new().route_service(PATH, service).layer(middleware::from_fn_with_state(host, careful))
}

/// Serves one client on standard input and output, until that closes.
pub(super) async fn serve_standard_streams(shared: Arc<Shared>) -> std::io::Result<()> {
    let (read, write) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(MAX_REQUEST_BODY_BYTES);
    match serve_server(Mcp { shared }, transport).await {
        Ok(running) => running.waiting().await.map(drop).map_err(std::io::Error::other),
        // Who closes before a first word has no wish.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(std::io::Error::other(error)),
    }
}

/// A page of another origin gets nothing, and nobody waits for ever.
async fn careful(State(host): State<HostRule>, request: Request, next: Next) -> Response {
    if !is_own_origin(host, request.headers()) {
        return ApiError::Origin.into_response();
    }
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// No `Origin`, or one of this machine or of the host that the request names.
fn is_own_origin(host: HostRule, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (origin, more) = (origins.next(), origins.next());
    match (origin, more) {
        (None, _) => true,
        (Some(origin), None) => {
            let text = origin.to_str().ok().and_then(|text| text.split_once("://"));
            let origin = text.filter(|(scheme, _)| matches!(*scheme, "http" | "https")).map(|(_, authority)| authority);
            let same = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            origin.is_some_and(|authority| same == Some(authority) || host.allows_text(authority))
        }
        _ => false,
    }
}

/// The beginning of links: the address that the client used, so that a person can open them.
fn base(context: &RequestContext<RoleServer>) -> String {
    let host = context.extensions.get::<Parts>().and_then(|parts| parts.headers.get(header::HOST));
    host.and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}")).unwrap_or_default()
}

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| tools::ALL.iter().map(tools::Line::described).collect());

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build();
        let server = Implementation::new("fine-grained-monitor", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.clone()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        TOOLS.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let line = tools::named(&request.name).map_err(|sentence| ErrorData::invalid_params(sentence, None))?;
        let (service, base) = (Arc::clone(&self.shared.service), base(&context));
        let arguments = request.arguments.unwrap_or_default();
        let made = self.shared.queries.run(move || {
            let text = line.answer(&service, arguments, base)?;
            Ok::<_, ApiError>(((), text.into_bytes()))
        });
        let answered = match tokio::time::timeout(CALL_TIMEOUT, made).await {
            Ok(answered) => answered.map(|((), bytes)| String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => Err(AskError::TooSlow(TOO_SLOW.to_owned()).into()),
        };
        Ok(match answered {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(arguments::sentence(&error))]),
        }
        .into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri).map(Into::into)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name, &request.arguments.unwrap_or_default()).map(Into::into)
    }

    async fn on_initialized(&self, _: rmcp::service::NotificationContext<RoleServer>) {}

    fn supported_protocol_versions(&self) -> Cow<'static, [rmcp::model::ProtocolVersion]> {
        Cow::Borrowed(rmcp::model::ProtocolVersion::KNOWN_VERSIONS)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_pages_of_this_host_may_ask() {
        let own = |listen: &str, host: &'static str, origins: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            for origin in origins {
                headers.append(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_own_origin(HostRule::new(listen.parse().unwrap()), &headers)
        };
        for origins in [&[][..], &["http://localhost:3000"], &["http://127.0.0.1"], &["https://[::1]:8050"]] {
            assert!(own("127.0.0.1", "localhost:8050", origins), "{origins:?}");
        }
        assert!(own("10.0.0.7", "node-7.example:8050", &["https://node-7.example:8050"]));
        for origins in [
            &["http://evil.example"][..],
            &["null"],
            &[""],
            &["http://localhost.evil.example"],
            &["file://localhost"],
            &["http://localhost", "http://localhost"],
        ] {
            assert!(!own("127.0.0.1", "localhost:8050", origins), "{origins:?}");
        }
    }
}
