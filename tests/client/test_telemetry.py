"""What a collector gets, over a real socket; and that nothing is measured unasked."""

import gzip
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from conftest import Run, Serve
from writing import MESSAGE, manifest

pytestmark = pytest.mark.slow

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported."""

    got: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        self.got.append((self.path, data))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: pytest listens."""


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    class Fresh(Collector):
        got: ClassVar[list[tuple[str, bytes]]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        yield Fresh.got
        server.shutdown()


def test_a_run_is_a_trace_that_joins_its_pipeline(
    run: Run,
    serve: Serve,
    collected: list[tuple[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve()
    manifest("private text")
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-b7ad6b7169203331-01")

    assert run("plan", "--detailed-exitcode").code == 2

    (data,) = [data for path, data in collected if path == "/v1/traces"]
    request = ExportTraceServiceRequest.FromString(data)
    spans = {
        span.name: span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert set(spans) == {"reconciler plan", "manifests.load", "records.fetch", "GET"}
    root = spans["reconciler plan"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert root.parent_span_id.hex() == "b7ad6b7169203331"
    assert spans["GET"].parent_span_id == spans["records.fetch"].span_id
    attributes = {attribute.key: attribute.value for attribute in root.attributes}
    assert attributes["process.exit.code"].int_value == 2
    assert attributes["reconciler.changes"].bool_value
    assert root.status.code == 0
    (metrics,) = [data for path, data in collected if path == "/v1/metrics"]
    names = [
        metric.name
        for resource in ExportMetricsServiceRequest.FromString(metrics).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    assert "http.client.request.duration" in names
    for _, exported in collected:
        for private in (b"private text", MESSAGE.encode(), b"sandbox-token"):
            assert private not in exported


def test_a_failed_run_is_an_error_in_the_trace(
    run: Run, collected: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest("x")
    monkeypatch.setenv("CARRIERX_BASE_URL", "http://127.0.0.1:9/core/v2")
    monkeypatch.setenv("CARRIERX_TOKEN", "some-token")

    assert run("plan").code == 1
    (data,) = [data for path, data in collected if path == "/v1/traces"]
    spans = ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans
    (root,) = [span for span in spans if span.name == "reconciler plan"]
    assert root.status.code == 2
    attributes = {attribute.key: attribute.value for attribute in root.attributes}
    assert attributes["process.exit.code"].int_value == 1
    assert attributes["error.type"].string_value == "ApiError"
    assert MESSAGE.encode() not in data
    assert b"127.0.0.1:9" not in data
    assert not any(span.events for span in spans)


@pytest.mark.parametrize(
    "variables", [{"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "-1"}]
)
@pytest.mark.usefixtures("collected")
def test_variables_that_cannot_be_used_are_one_clear_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    manifest("x")

    result = run("plan", "--sandbox")

    assert result.code == 1
    assert result.err.startswith("error: OpenTelemetry's variables cannot be used")


def test_a_collector_that_is_not_there_stops_no_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    manifest("x")

    assert run("plan", "--sandbox").code == 0


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_unasked_nothing_is_imported(variables: dict[str, str]) -> None:
    manifest("x")
    code = (
        "import sys, os\n"
        f"os.environ.update({variables!r})\n"
        "from reconciler.cli.main import main\nmain(['plan', '--sandbox'])\n"
        "assert 'opentelemetry' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
