"""The private port: `/metrics` of the gateway, `/metrics/api` of the API, and the operator's page at `/`."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_client import make_wsgi_app

from toolbridge_mcp.operator import api
from toolbridge_mcp.operator.answer import Answer, text
from toolbridge_mcp.operator.callers import Names
from toolbridge_mcp.operator.facts import Facts
from toolbridge_mcp.operator.history import History
from toolbridge_mcp.operator.page import document
from toolbridge_mcp.operator.server import Headers, Server
from toolbridge_mcp.operator.style import HASH
from toolbridge_mcp.operator.watched import Watched
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.telemetry import observe
from toolbridge_mcp.transport import Signer

logger = logging.getLogger(__name__)

_NOT_FOUND = text(404, "Here are /metrics, /metrics/api, the operator's page at / and its facts at /?json.")
_NO_METRICS = text(
    502,
    "The API gives no metrics: it does not answer, runs on another machine, or is of an older version.",
)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src '{HASH}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}
_JSON = {"Content-Type": "application/json", "Content-Security-Policy": _POLICY}

REFRESH_SECONDS = range(5, 3601)
"""How often a page may load itself again."""


class PrivatePort:
    """The port of `TOOLBRIDGE_METRICS_PORT`. Nothing runs and nothing is kept without one.

    Anyone who can connect may read it, as often as they like: one thread at a time makes an answer, so that
    calls share the interpreter with one at most. The metrics are served under any name, as scrapers use names
    of their own network; the page is not (`callers.py`).
    """

    def __init__(self, settings: Settings, signer: Signer, watched: Watched) -> None:
        self._settings = settings
        self._signer = signer
        self._watched = watched
        public = urlsplit(settings.public_url).hostname if settings.public_url else None
        self._names = Names([*settings.every_host, settings.metrics_host, *([public] if public else [])])
        self._metrics = make_wsgi_app()
        self._turn = threading.Lock()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves as long as it is entered. Raises OSError if the port cannot be used."""
        port = self._settings.metrics_port
        if port is None:
            yield
            return
        history = History()
        observe(history.note)
        self._facts = Facts(self._settings, self._signer, self._watched, history, self._turn)
        server = Server(self._answer)
        try:
            server.start(self._settings.metrics_host, port)
        except OSError as error:
            logger.critical("TOOLBRIDGE_METRICS_PORT: cannot listen there", extra={"error": error.strerror})
            raise
        history.start()
        try:
            yield
        finally:
            history.stop()
            await asyncio.to_thread(server.stop)

    def _answer(self, target: str, headers: Headers) -> Answer:
        try:
            parts = urlsplit(target)
        except ValueError:
            return _NOT_FOUND
        if parts.path == "/metrics":
            return self._own_metrics(parts.query, headers)
        if parts.path == "/metrics/api":
            return self._metrics_of_the_api()
        if parts.path != "/":
            return _NOT_FOUND
        return self._names.refuse(headers) or self._page(parts.query)

    def _own_metrics(self, query: str, headers: Headers) -> Answer:
        """As Prometheus asks for them: with its choice of names, format and compression."""
        begun: list[Any] = []
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/metrics",
            "QUERY_STRING": query,
            "HTTP_ACCEPT": headers.get("Accept", ""),
            "HTTP_ACCEPT_ENCODING": headers.get("Accept-Encoding", ""),
        }
        with self._turn:
            content = b"".join(self._metrics(environment, lambda *given: begun.extend(given)))
        return Answer(int(begun[0].split()[0]), content, dict(begun[1]))

    def _metrics_of_the_api(self) -> Answer:
        asked = api.ask(self._settings, self._signer, api.METRICS, seconds=api.METRICS_SECONDS)
        said = asked[api.METRICS]
        if not said.is_ok:
            return _NO_METRICS
        return Answer(200, said.content, {"Content-Type": said.content_type})

    def _page(self, query: str) -> Answer:
        asked = parse_qs(query, keep_blank_values=True)
        facts = self._facts.gathered()
        with self._turn:
            if "json" in asked:
                return Answer(200, json.dumps(facts, indent=1).encode(), _JSON)
            return Answer(200, document(facts, _refresh_seconds(asked)).encode(), _PAGE)


def _refresh_seconds(asked: dict[str, list[str]]) -> int | None:
    given = asked.get("refresh", [""])[0]
    return int(given) if re.fullmatch("[0-9]{1,4}", given) and int(given) in REFRESH_SECONDS else None
