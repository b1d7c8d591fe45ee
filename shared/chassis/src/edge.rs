//! What every call passes through, whatever it calls: trace, guard, deadline, and answers that
//! keep to our error format when the handler did not get to make one.

use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response, request::Parts};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service;
use tracing::{Instrument as _, Span, field};

use crate::{message, status::status, telemetry};

/// Where a status has its details.
const DETAILS: &str = "grpc-status-details-bin";

/// Decides whether a call may proceed, from its path and headers, before anything else looks at
/// it. It is asked about every path, known or not, health and reflection included, and puts what
/// the handler needs to know about the caller into the request's extensions. It may wait for what
/// it needs to know, within the call's deadline.
pub type Guard = Arc<dyn Fn(&mut Parts) -> BoxFuture<'_, Result<(), Status>> + Send + Sync>;

/// All services of the process, behind the guard.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) routes: Routes,
    pub(crate) guard: Guard,
    pub(crate) deadline_max: Duration,
}

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The deadline ends with the response's headers, so a stream of events may go on. The
        // timer starts here and not in the future: tonic starts one of its own for the caller's
        // deadline right after this, answers CANCELLED when that is first, and must not be first.
        let limit = requested_deadline(request.headers())
            .map_or(self.deadline_max, |asked| asked.min(self.deadline_max));
        let timer = tokio::time::sleep(limit);
        let span = span_of(&request);
        let answer = AssertUnwindSafe(self.clone().answer(request)).catch_unwind();
        let bounded = async move {
            let started = Instant::now();
            let response = tokio::select! {
                biased;
                answered = answer => answered.unwrap_or_else(|panic| panicked(panic.as_ref())),
                () = timer => deadline_exceeded(limit),
            };
            let code = code_of(&response);
            Span::current().record("code", field::debug(code));
            let millis = started.elapsed().as_millis();
            tracing::debug!(?code, millis, "the call was answered");
            Ok(response)
        };
        Box::pin(bounded.instrument(span))
    }
}

impl Edge {
    async fn answer(mut self, request: Request<Body>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        if let Err(refusal) = (self.guard)(&mut parts).await {
            return refusal.into_http();
        }
        let (body, too_large) = message::limited(parts.uri.path(), body);
        let Ok(response) = self.routes.call(Request::from_parts(parts, body)).await;
        // Only tonic's decoder says OUT_OF_RANGE, of a message over the service's limit.
        if too_large.is_so() || code_of(&response) == Code::OutOfRange {
            return message_too_large();
        }
        // All that we answer has details; without them INTERNAL is what tonic's decoder says of
        // bytes that are no such message. It is who sent them who can mend that.
        if code_of(&response) == Code::Internal && !response.headers().contains_key(DETAILS) {
            return unreadable();
        }
        response
    }
}

fn span_of(request: &Request<Body>) -> Span {
    let path = request.uri().path();
    let span = tracing::info_span!(
        "call",
        method = path,
        code = field::Empty,
        otel.name = path,
        otel.kind = "server"
    );
    telemetry::continue_trace(&span, request.headers());
    span
}

fn message_too_large() -> Response<Body> {
    status(
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
        "the request is larger than this method accepts",
        [],
    )
    .into_http()
}

fn unreadable() -> Response<Body> {
    status(
        Code::InvalidArgument,
        "INVALID_FIELD",
        "the request is no message that this method can read",
        [],
    )
    .into_http()
}

fn deadline_exceeded(limit: Duration) -> Response<Body> {
    status(
        Code::DeadlineExceeded,
        "DEADLINE",
        "there was no answer in time; what was asked may have happened or may still happen",
        [("deadline_millis", limit.as_millis().to_string())],
    )
    .into_http()
}

fn panicked(panic: &(dyn Any + Send)) -> Response<Body> {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    status(Code::Internal, "INTERNAL", "an internal error happened", []).into_http()
}

/// The status in the headers: of every error, and OK for what answers with a body.
fn code_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// `grpc-timeout`: up to eight digits and a unit. One that is not well formed is ignored.
fn requested_deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A service whose only method never answers.
    #[derive(Clone)]
    struct Never;

    impl tonic::server::NamedService for Never {
        const NAME: &'static str = "test.Never";
    }

    impl Service<Request<Body>> for Never {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Pending<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::pending()
        }
    }

    #[tokio::test]
    async fn a_caller_can_only_ask_for_a_shorter_deadline() {
        let deadline_max = Duration::from_millis(30);
        let mut edge = Edge {
            routes: Routes::new(Never),
            guard: Arc::new(|_| Box::pin(async { Ok(()) })),
            deadline_max,
        };
        for (asked, kept) in [("10m", "10"), ("1H", "30"), ("soon", "30")] {
            let request =
                Request::builder().uri("/test.Never/Answer").header("grpc-timeout", asked);
            let call = edge.call(request.body(Body::empty()).unwrap());
            let Ok(response) = tokio::time::timeout(PATIENCE, call).await.unwrap();
            let late = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(late.code(), Code::DeadlineExceeded);
            assert_eq!(late.get_details_error_info().unwrap().metadata["deadline_millis"], kept);
        }
    }

    #[test]
    fn the_callers_deadline_is_read() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            requested_deadline(&headers)
        };
        assert_eq!(asked("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(asked("3M"), Some(Duration::from_secs(180)));
        assert_eq!(asked("4S"), Some(Duration::from_secs(4)));
        assert_eq!(asked("250m"), Some(Duration::from_millis(250)));
        assert_eq!(asked("5u"), Some(Duration::from_micros(5)));
        assert_eq!(asked("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for bad in ["", "S", "1", "1s", "-1S", "+1S", "123456789S", "1 S"] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }
}
