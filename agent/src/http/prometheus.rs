//! `/metrics`: one prometheus-client registry, two text formats.
//!
//! The registry holds two collectors that read the service when scraped, so nothing is counted twice or kept here.
//! prometheus-client writes OpenMetrics; `text_format.rs` derives the older format from it while it is written.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

mod containers;
mod own;

use crate::http::Shared;
use crate::http::accept::{TextFormat, negotiate};
use crate::http::error::ApiError;
use crate::http::text_format::OlderFormat;
use crate::service::Service;

/// The registry over the service.
pub(super) struct Exposition {
    registry: Registry,
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

impl Exposition {
    pub(super) fn new(service: Arc<Service>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(own::OwnCollector::new(Arc::clone(&service))));
        registry.register_collector(Box::new(containers::ContainersCollector::new(service)));
        Self { registry }
    }

    pub(super) fn render(&self, format: TextFormat) -> Result<String, fmt::Error> {
        let mut body = String::new();
        match format {
            TextFormat::OpenMetrics => text::encode(&mut body, &self.registry)?,
            TextFormat::Prometheus => text::encode(&mut OlderFormat::new(&mut body), &self.registry)?,
        }
        Ok(body)
    }
}

/// `/metrics`; parameters are ignored, because a scrape configuration may add some for its own use.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let format = negotiate(&headers);
    let work = Arc::clone(&shared);
    let render = move || {
        let text = work.exposition.render(format).map_err(|error| ApiError::failed(&error))?;
        Ok::<_, ApiError>(((), text.into_bytes()))
    };
    let ((), body) = shared.scrapes.run(render).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "Accept")], body).into_response())
}
