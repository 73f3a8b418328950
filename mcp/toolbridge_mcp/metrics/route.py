"""`/metrics` on the public port."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def _is_of_a_proxy(header: str) -> bool:
    """As the API has it (`guard_local.go`)."""
    return header in {"forwarded", "via", "x-real-ip"} or header.startswith("x-forwarded-")


def metrics_route() -> Route:
    """`/metrics` for callers on this machine; for others it does not exist.

    Leave it out where a proxy on this machine may stand in front: then every caller comes from this machine.
    """

    def metrics(request: Request) -> Response:  # in a thread, as Starlette runs what is not async
        is_local = request.client is not None and request.client.host in LOOPBACK
        if not is_local or any(map(_is_of_a_proxy, request.headers)):
            return PlainTextResponse("Not Found", status_code=404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"])
