"""A run -> spans and metrics of OpenTelemetry, if it is installed and configured.

The standard variables decide: without OTEL_EXPORTER_OTLP_ENDPOINT (or its variants for traces and
metrics), or with OTEL_SDK_DISABLED=true, nothing is imported and nothing is measured. A run joins
the trace of its pipeline through TRACEPARENT. No attribute contains a SID, a value or the token.
"""

import logging
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from reconciler import __version__
from reconciler.client.instrumented import Exchange
from reconciler.errors import ConfigError, ExitCode

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
# A run must not wait long for a collector that is not reachable.
_EXPORT_SECONDS = 5


class Telemetry:
    """Records nothing; used if telemetry is not configured."""

    def span(self, name: str) -> AbstractContextManager[Any]:
        """A span around a part of the run, such as `records.fetch`."""
        del name
        return nullcontext()

    def request(self, exchange: Exchange) -> None:
        """Records a finished request."""

    def planned(self, changes: int) -> None:
        """Records the number of changes of the run's plan."""

    def ended(self, code: int, error: str = "") -> None:
        """Records the exit code; `error` is the class name of the exception, empty if none."""


@contextmanager
def recording(
    environment: Mapping[str, str], command: str, warn: Callable[[str], None]
) -> Generator[Telemetry]:
    """The telemetry of one run of a command; exported at the end of the block.

    If it is configured but not installed, `warn` gets the cure and nothing is recorded: the
    variables may be set for a whole machine. Raises ConfigError if a variable cannot be used.
    """
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not any(map(environment.get, _ENDPOINTS)):
        yield Telemetry()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        warn(
            "OTEL_EXPORTER_OTLP_* is set, but OpenTelemetry is not installed: nothing is recorded; "
            "run pip install 'carrierx-reconciler[otel]'"
        )
        yield Telemetry()
        return

    # The exporter's warnings about an unreachable collector do not help the user of a plan.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    resource = Resource.create({"service.name": "reconciler", "service.version": __version__})
    everything, only_traces, only_metrics = map(environment.get, _ENDPOINTS)
    try:
        traces = TracerProvider(resource=resource)
        if everything or only_traces:
            exporter = OTLPSpanExporter(timeout=_EXPORT_SECONDS)
            traces.add_span_processor(BatchSpanProcessor(exporter))
        readers = []
        if everything or only_metrics:
            metric_exporter = OTLPMetricExporter(timeout=_EXPORT_SECONDS)
            readers.append(PeriodicExportingMetricReader(metric_exporter))
        metrics = MeterProvider(readers, resource=resource)
    except ValueError as error:
        raise ConfigError(f"OpenTelemetry's variables cannot be used: {error}") from None
    carrier = {name: environment.get(name.upper(), "") for name in ("traceparent", "tracestate")}
    parent = TraceContextTextMapPropagator().extract(carrier)
    tracer = traces.get_tracer("reconciler", __version__)
    try:
        with tracer.start_as_current_span(
            f"reconciler {command}", context=parent, **_NO_EXCEPTIONS
        ) as root:
            telemetry = _Recording(tracer, metrics.get_meter("reconciler", __version__), root)
            try:
                yield telemetry
            except BaseException as error:
                telemetry.ended(getattr(error, "exit_code", ExitCode.BUG), type(error).__name__)
                raise
    finally:
        traces.shutdown()
        metrics.shutdown()


# The text of an exception may contain SIDs and API texts, so only its class is recorded.
_NO_EXCEPTIONS: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}


class _Recording(Telemetry):
    """Spans and metrics, named by OpenTelemetry's conventions for CLIs and HTTP clients."""

    def __init__(self, tracer: Any, meter: Any, root: Any) -> None:
        self._tracer = tracer
        self._root = root
        self._durations = meter.create_histogram(
            "http.client.request.duration", unit="s", explicit_bucket_boundaries_advisory=_BUCKETS
        )
        root.set_attribute("process.executable.name", "reconciler")
        root.set_attribute("process.pid", os.getpid())

    def span(self, name: str) -> AbstractContextManager[Any]:
        """A span around a part of the run."""
        span: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            name, **_NO_EXCEPTIONS
        )
        return span

    def request(self, exchange: Exchange) -> None:
        """Records a span with the duration of the request, and the duration in the histogram."""
        from time import time_ns

        from opentelemetry.trace import SpanKind, Status, StatusCode

        attributes: dict[str, Any] = {
            "http.request.method": exchange.method,
            "url.template": exchange.collection,
        }
        if exchange.status is not None:
            attributes["http.response.status_code"] = exchange.status
        else:
            attributes["error.type"] = "no_answer"
        self._durations.record(exchange.milliseconds / 1000, attributes)
        if exchange.attempt > 1:
            attributes["http.request.resend_count"] = exchange.attempt - 1
        # Watchers are called after the request, so the start is computed from the duration.
        end = time_ns()
        span = self._tracer.start_span(
            exchange.method,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - int(exchange.milliseconds * 1e6),
        )
        if exchange.status is None or exchange.status >= _ERRORS_FROM:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def planned(self, changes: int) -> None:
        """Records whether the plan of the run has changes, and their number."""
        self._root.set_attribute("reconciler.changes", changes > 0)
        self._root.set_attribute("reconciler.changes.count", changes)

    def ended(self, code: int, error: str = "") -> None:
        """Records the exit code on the run's span; 2 (changes are present) is not an error."""
        from opentelemetry.trace import Status, StatusCode

        self._root.set_attribute("process.exit.code", int(code))
        if code not in (ExitCode.OK, ExitCode.CHANGES):
            self._root.set_attribute("error.type", error or str(int(code)))
            self._root.set_status(Status(StatusCode.ERROR))


_ERRORS_FROM = 400
# Seconds, as OpenTelemetry's conventions for HTTP ask (semantic-conventions, http-metrics). The
# SDK's defaults are for milliseconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
