"""Whether, what and where traces are sent, by the variables that OpenTelemetry's specification names."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from toolbridge_mcp.settings import WrongSetting

SERVICE = "toolbridge-gateway"
PROTOCOL = "http/protobuf"
PLACE = "http://localhost:4318"
"""Where a collector on this machine listens."""

EXPORTERS = ("otlp", "console", "none")
SAMPLERS = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
COMPRESSIONS = ("none", "gzip")

MOST_MILLISECONDS = 3_600_000
MOST_SPANS = 1_000_000

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """How traces are sent. Times are in seconds."""

    exporter: str
    """One of `EXPORTERS`, but for the last."""

    endpoint: str
    headers: Mapping[str, str]
    timeout: float
    is_compressed: bool
    certificate: str | None
    client_certificate: str | None
    client_key: str | None
    sampler: str
    ratio: float
    resource: Mapping[str, str]
    queue_size: int
    batch_size: int
    delay: float


def trace_settings(environment: Mapping[str, str]) -> TraceSettings | None:
    """The settings; None if no traces are wanted. Raises `WrongSetting`."""
    variables = _Variables(environment)
    exporter = variables.word("OTEL_TRACES_EXPORTER", EXPORTERS, "")
    if not exporter and (
        variables.text("OTEL_EXPORTER_OTLP_ENDPOINT") or variables.text(_of_traces("ENDPOINT"))
    ):
        exporter = "otlp"
    if exporter in ("", "none") or variables.text("OTEL_SDK_DISABLED").lower() == "true":
        return None
    variables.otlp_word("PROTOCOL", (PROTOCOL,), PROTOCOL)
    queue_size = variables.number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, MOST_SPANS)
    batch_size = variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(512, queue_size), MOST_SPANS)
    if batch_size > queue_size:
        _refuse("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "must not be more than OTEL_BSP_MAX_QUEUE_SIZE")
    client_certificate, client_key = variables.client()
    sampler = variables.word("OTEL_TRACES_SAMPLER", SAMPLERS, "parentbased_always_on")
    return TraceSettings(
        exporter=exporter,
        endpoint=variables.endpoint(),
        headers=variables.headers(),
        timeout=variables.number(variables.otlp("TIMEOUT"), 10_000, MOST_MILLISECONDS) / 1000,
        is_compressed=variables.otlp_word("COMPRESSION", COMPRESSIONS, "none") == "gzip",
        certificate=variables.authorities(),
        client_certificate=client_certificate,
        client_key=client_key,
        sampler=sampler,
        ratio=variables.ratio() if sampler.endswith("traceidratio") else 1.0,
        resource={
            "service.name": SERVICE,
            **variables.pairs("OTEL_RESOURCE_ATTRIBUTES"),
            **({"service.name": name} if (name := variables.text("OTEL_SERVICE_NAME")) else {}),
        },
        queue_size=queue_size,
        batch_size=batch_size,
        delay=variables.number("OTEL_BSP_SCHEDULE_DELAY", 5_000, MOST_MILLISECONDS) / 1000,
    )


def _of_traces(name: str) -> str:
    return f"OTEL_EXPORTER_OTLP_TRACES_{name}"


def _refuse(name: str, reason: str) -> NoReturn:
    raise WrongSetting(name, reason, prefix="")


class _Variables:
    """Variables, read as the specification says: one that is empty is not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value.isprintable():
            _refuse(name, "has characters that cannot be sent; write it in UTF-8, in one line")
        return value

    def otlp(self, name: str) -> str:
        """The variable that counts: the one for traces, if it is set, or the one for all that is sent."""
        return _of_traces(name) if self.text(_of_traces(name)) else f"OTEL_EXPORTER_OTLP_{name}"

    def word(self, name: str, allowed: tuple[str, ...], usual: str) -> str:
        value = self.text(name).lower() or usual
        if value and value not in allowed:
            _refuse(name, f"must be {' or '.join(allowed)}")
        return value

    def otlp_word(self, name: str, allowed: tuple[str, ...], usual: str) -> str:
        return self.word(self.otlp(name), allowed, usual)

    def number(self, name: str, usual: int, most: int) -> int:
        value = self.text(name) or str(usual)
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and 0 < int(value) <= most):
            _refuse(name, f"must be a whole number from 1 to {most}")
        return int(value)

    def ratio(self) -> float:
        """The part of all traces that is sent."""
        value = self.text("OTEL_TRACES_SAMPLER_ARG") or "1"
        if not re.fullmatch(r"0|1(\.0*)?|0?\.\d{1,18}", value):
            _refuse("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1")
        return float(value)

    def endpoint(self) -> str:
        """Where to POST. The address for traces is taken as it is; the other one is that of all signals."""
        name = self.otlp("ENDPOINT")
        given = self.text(name) or PLACE
        url = given if name == _of_traces("ENDPOINT") else f"{given.removesuffix('/')}/v1/traces"
        try:
            parts = urlsplit(given)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable or not url.isascii() or not url.isprintable() or set(" \\#") & set(url):
            _refuse(name, "must be an address of http or https, such as http://collector.example:4318")
        return url

    def file(self, name: str) -> str | None:
        variable = self.otlp(name)
        path = self.text(variable)
        if not path:
            return None
        try:
            with Path(path).open("rb"):
                return path
        except (OSError, ValueError):
            _refuse(variable, "is no file that can be read; correct it or remove it")

    def authorities(self) -> str | None:
        """The file of the certificates to trust."""
        path = self.file("CERTIFICATE")
        if path:
            try:
                ssl.create_default_context(cafile=path)
            except OSError:
                _refuse(self.otlp("CERTIFICATE"), "must be a file of certificates in PEM")
        return path

    def client(self) -> tuple[str | None, str | None]:
        """The files of the gateway's own certificate and of its key, which may be one."""
        certificate, key = self.file("CLIENT_CERTIFICATE"), self.file("CLIENT_KEY")
        if key and not certificate:
            _refuse("OTEL_EXPORTER_OTLP_CLIENT_KEY", "needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE; set both")
        if certificate:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
            except OSError:
                name = self.otlp("CLIENT_CERTIFICATE")
                _refuse(name, "must be a certificate in PEM, with its key, which has no password")
        return certificate, key

    def headers(self) -> Mapping[str, str]:
        name = self.otlp("HEADERS")
        headers = self.pairs(name)
        for key, value in headers.items():
            if not _TOKEN.fullmatch(key) or not (value.isascii() and value.isprintable()):
                _refuse(name, "must be headers such as name=value,name=value, percent-encoded")
        return headers

    def pairs(self, name: str) -> Mapping[str, str]:
        """Names and values as W3C Baggage writes them: `name=value,name=value`, percent-encoded."""
        pairs = {}
        for item in filter(None, map(str.strip, self.text(name).split(","))):
            key, equals, value = item.partition("=")
            if not equals or not key.strip():
                _refuse(name, "must be pairs such as name=value,name=value, percent-encoded")
            pairs[unquote(key.strip())] = unquote(value.strip())
        return pairs
