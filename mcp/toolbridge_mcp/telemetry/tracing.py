"""How traces leave the process: in batches, from a thread of their own, to a collector that may be anything.

The SDK is used without what it reads from the environment by itself: everything is said here. It is imported
with this module, which is imported only where traces are wanted.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import DefaultCookiePolicy
from threading import Thread
from typing import Any
from uuid import uuid4

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.sdk.version import __version__ as sdk_version

from toolbridge_mcp.telemetry.dropped import lost
from toolbridge_mcp.telemetry.operation import trace_with
from toolbridge_mcp.telemetry.spans import Origin, Spans
from toolbridge_mcp.telemetry.trace_settings import TraceSettings

FLUSH_SECONDS = 1.0
"""How long a stop waits for the last spans to be sent. `supervisord.conf` allows 25 s for the whole stop."""

SILENCE_SECONDS = 60.0
"""A collector that fails makes one log line in that time."""

READ_BYTES = 4_096
"""As much as is read of a collector's answer, which says nothing that matters beside its status."""

logger = logging.getLogger(__name__)


class Tracing:
    """The traces of one process, from `running` to its end. `certificates` are those to trust unless the
    settings name others, and `proxy` is the way out, if there is one."""

    def __init__(
        self,
        settings: TraceSettings,
        *,
        version: str,
        tenant: str,
        api: tuple[str, int],
        resources: Mapping[str, str],
        proxy: str | None = None,
        certificates: str | None = None,
    ) -> None:
        self._settings = settings
        self._about = {
            "service.version": version,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": sdk_version,
            **settings.resource,
            "toolbridge.tenant": tenant,
        }
        self._version = version
        self._api = api
        self._resources = resources
        self._proxy = proxy
        self._certificates = certificates

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Traces what happens in the block. Nothing is open and no thread runs outside of it."""
        sender = _Counting(self._exporter(), self._settings.queue_size)
        processor = _Batches(
            sender,
            max_queue_size=self._settings.queue_size,
            max_export_batch_size=self._settings.batch_size,
            schedule_delay_millis=self._settings.delay * 1000,
            export_timeout_millis=self._settings.timeout * 1000,
        )
        here: dict[str, str | int] = {"service.instance.id": str(uuid4()), "process.pid": os.getpid()}
        origin = Origin(
            _sampler(self._settings),
            processor,
            _OneResource({**here, **self._about}),
            InstrumentationScope("toolbridge", self._version),
        )
        trace_with(Spans(origin, self._api, self._resources))
        try:
            yield
        finally:
            trace_with(None)
            await _ended(processor)

    def _exporter(self) -> SpanExporter:
        given = self._settings
        if given.exporter == "console":
            return ConsoleSpanExporter(formatter=lambda span: f"{span.to_json(indent=None)}\n")
        return OTLPSpanExporter(
            given.endpoint,
            headers=given.headers,
            timeout=given.timeout,
            compression=Compression.Gzip if given.is_compressed else Compression.NoCompression,
            certificate_file=given.certificate or self._certificates,
            client_certificate_file=given.client_certificate,
            client_key_file=given.client_key,
            session=_Session(self._proxy),
        )


async def _ended(processor: SpanProcessor) -> None:
    """Sends the last spans, or gives up after `FLUSH_SECONDS`: the thread ends with the process then."""
    ending = Thread(target=processor.shutdown, daemon=True)
    ending.start()
    until = time.monotonic() + FLUSH_SECONDS
    while ending.is_alive() and time.monotonic() < until:  # noqa: ASYNC110  no thread may outlast the wait
        await asyncio.sleep(0.01)


def _sampler(settings: TraceSettings) -> Sampler:
    name = settings.sampler
    roots: dict[str, Sampler] = {
        "always_on": ALWAYS_ON,
        "always_off": ALWAYS_OFF,
        "traceidratio": TraceIdRatioBased(settings.ratio),
    }
    root = roots[name.removeprefix("parentbased_")]
    return ParentBased(root) if name.startswith("parentbased_") else root


class _OneResource(Resource):
    """The only one of its process. The exporter looks it up for each span, which would write it as JSON."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class _Session(requests.Session):
    """What requests to the collector are sent through: it takes nothing from the environment, follows no
    redirect, keeps no cookie, and reads no more of an answer than its beginning."""

    def __init__(self, proxy: str | None) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        if proxy:
            self.proxies = {"https": proxy}

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        with super().request(*arguments, **{**options, "allow_redirects": False, "stream": True}) as answer:
            answer.raw.read(READ_BYTES)
            if answer.is_redirect or answer.status_code in range(300, 400):
                raise requests.RequestException  # the exporter takes it for a success
            return answer


class _Batches(BatchSpanProcessor):
    """Gives the ended spans to the thread that sends them."""

    def __init__(self, sender: "_Counting", **options: float) -> None:
        super().__init__(sender, **options)  # type: ignore[arg-type]
        self._sender = sender

    def on_end(self, span: ReadableSpan) -> None:
        self._sender.comes()
        super().on_end(span)


class _Counting(SpanExporter):
    """Counts what does not arrive, and says it in one line now and then. The exporter's own lines name
    addresses and what the collector answered; they are switched off."""

    def __init__(self, exporter: SpanExporter, queue_size: int) -> None:
        self._exporter = exporter
        self._queue_size = queue_size
        self._waiting = 0
        self._said_at = -SILENCE_SECONDS
        self._lost_since = 0

    def comes(self) -> None:
        """A span ended. A queue that is full loses its oldest one."""
        if self._waiting < self._queue_size:
            self._waiting += 1
        else:
            self._lose(1)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._waiting -= len(spans)
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001  whatever it is, it costs the spans and nothing else
            result = SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            self._lose(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _lose(self, number: int) -> None:
        lost(number)
        self._lost_since += number
        if time.monotonic() - self._said_at >= SILENCE_SECONDS:
            self._said_at = time.monotonic()
            logger.warning("traces are not sent", extra={"spans": self._lost_since})
            self._lost_since = 0
