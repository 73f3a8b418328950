"""Which variables of OpenTelemetry switch traces on, and which values stop the start."""

from pathlib import Path

import pytest

from tests.harness.certificates import Authority
from toolbridge_mcp.settings import WrongSetting
from toolbridge_mcp.telemetry.trace_settings import TraceSettings, trace_settings

PLACE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318"}


def read(**variables: str) -> TraceSettings:
    found = trace_settings({**PLACE, **variables})
    assert found
    return found


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_EXPORTER": ""},
        {"OTEL_SERVICE_NAME": "mine"},
        {**PLACE, "OTEL_TRACES_EXPORTER": "none"},
        {**PLACE, "OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_traces_are_off(variables: dict[str, str]) -> None:
    assert trace_settings(variables) is None


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        (PLACE, "http://collector.example:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example/otel/"}, "https://c.example/otel/v1/traces"),
        ({**PLACE, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:1/x"}, "http://[::1]:1/x"),
        ({"OTEL_TRACES_EXPORTER": "OTLP"}, "http://localhost:4318/v1/traces"),
        ({**PLACE, "OTEL_SDK_DISABLED": "perhaps"}, "http://collector.example:4318/v1/traces"),
    ],
)
def test_traces_go_to(variables: dict[str, str], endpoint: str) -> None:
    found = trace_settings(variables)
    assert found
    assert (found.exporter, found.endpoint) == ("otlp", endpoint)


def test_traces_may_be_printed() -> None:
    assert read(OTEL_TRACES_EXPORTER="console").exporter == "console"


def test_the_usual_values() -> None:
    found = read()
    assert found.resource == {"service.name": "toolbridge-gateway"}
    assert (found.sampler, found.timeout, found.delay) == ("parentbased_always_on", 10, 5)
    assert (found.queue_size, found.batch_size, found.is_compressed) == (2_048, 512, False)
    assert not found.headers


def test_what_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(Authority().certificate)
    found = read(
        OTEL_SERVICE_NAME="mine",
        OTEL_RESOURCE_ATTRIBUTES="service.name=theirs, deployment.environment.name=a%20b",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20x,x-other=2",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="x-mine=1",
        OTEL_EXPORTER_OTLP_TIMEOUT="2500",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_CERTIFICATE=str(file),
        OTEL_TRACES_SAMPLER="traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.25",
        OTEL_BSP_MAX_QUEUE_SIZE="100",
    )
    assert found.resource == {"service.name": "mine", "deployment.environment.name": "a b"}
    assert found.headers == {"x-mine": "1"}
    assert (found.timeout, found.is_compressed, found.certificate) == (2.5, True, str(file))
    assert (found.sampler, found.ratio) == ("traceidratio", 0.25)
    assert (found.queue_size, found.batch_size) == (100, 100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        *(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)
            for wrong in (
                "collector:4318",
                "host",
                "grpc://collector:4317",
                "http:///x",
                "http://c:0",
                "http://c:70000",
                "http://c d",
                "http://[::1",
                "http://c/#x",
            )
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "password"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0aHost: x"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "deflate"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", __file__),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", __file__),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", __file__),
        ("OTEL_SERVICE_NAME", "gate\udcffway"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b\nc=d"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_RESOURCE_ATTRIBUTES", "tenant"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1e3"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        read(**{name: value})
    assert refused.value.sentence.startswith(f"{name}: ")
    assert value not in refused.value.sentence.removeprefix(name)


@pytest.mark.parametrize("ratio", ["2", "-0.1", "half", "1.5", "nan", "1e-3"])
def test_a_wrong_part_is_refused(ratio: str) -> None:
    with pytest.raises(WrongSetting, match="from 0 to 1"):
        read(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG=ratio)
