//! Logs, and traces by OTLP when an endpoint is given.

use std::io::{self, IsTerminal as _};

use http::HeaderMap;
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{ConfigError, LogConfig, LogFormat};

/// Keeps the export of traces going; call [`Telemetry::shutdown`] before the process ends.
#[derive(Debug)]
#[must_use = "traces that were not sent yet are lost without shutdown"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Starts to log to standard error, and to export traces of `service` if there is an endpoint.
/// Call it inside the tokio runtime, where the exporter keeps its connection.
///
/// # Errors
/// If the filter or the endpoint cannot be used, or if logging was started already.
pub fn init(service: &'static str, config: &LogConfig) -> Result<Telemetry, ConfigError> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| {
        ConfigError::new(format!("{:?} is not a log filter: {error}", config.filter))
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let traces = match &config.otlp_endpoint {
        Some(endpoint) => Some(tracer_provider(service, &endpoint.to_string())?),
        None => None,
    };
    let export = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer(service)))
        // Not the log's filter: a quiet log must not leave holes in traces.
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(export)
        .with(lines.with_filter(filter))
        .try_init()
        .map_err(|error| ConfigError::new(format!("logging cannot be started: {error}")))?;
    Ok(Telemetry { traces })
}

impl Telemetry {
    /// Sends the traces that are still held, and stops.
    pub async fn shutdown(self) {
        let Some(traces) = self.traces else { return };
        // It blocks until the exporter, which needs this runtime, is done.
        match tokio::task::spawn_blocking(move || traces.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not sent"),
            Err(error) => tracing::warn!(%error, "the last traces were not sent"),
        }
    }
}

/// Makes `span` part of the trace that the caller's `traceparent` header names, if any.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        // Without an exporter there is no trace to be part of.
        let _ = span.set_parent(parent);
    }
}

fn tracer_provider(
    service: &'static str,
    endpoint: &str,
) -> Result<SdkTracerProvider, ConfigError> {
    let exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| {
            ConfigError::new(format!("traces cannot be sent to {endpoint}: {error}"))
        })?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(service).build())
        .build())
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TraceContextExt as _;

    use super::*;

    #[test]
    fn a_call_continues_its_callers_trace() {
        let provider = SdkTracerProvider::builder().build();
        let export = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(export), || {
            let trace_of = |header: &str| {
                let mut headers = HeaderMap::new();
                headers.insert("traceparent", header.parse().unwrap());
                let span = tracing::info_span!("call");
                continue_trace(&span, &headers);
                span.context().span().span_context().trace_id().to_string()
            };
            let trace = "0af7651916cd43dd8448eb211c80319c";
            assert_eq!(trace_of(&format!("00-{trace}-b7ad6b7169203331-01")), trace);
            assert_ne!(trace_of(&format!("00-{trace}-nonsense-01")), trace);
        });
    }

    #[test]
    fn a_bad_filter_is_refused() {
        let config = LogConfig { filter: "info,[".to_owned(), ..LogConfig::default() };
        let error = init("test", &config).unwrap_err();
        assert!(error.to_string().contains("is not a log filter"), "{error}");
    }
}
