"""`/metrics` on the public port."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def metrics_route() -> Route:
    """`/metrics` for callers on this machine; for others it does not exist.

    Leave it out where a proxy on this machine may stand in front: then every caller comes from this machine.
    """

    def metrics(request: Request) -> Response:  # in a thread, as Starlette runs what is not async
        forwarded = {"x-forwarded-for", "forwarded"} & set(request.headers)
        if forwarded or request.client is None or request.client.host not in LOOPBACK:
            return PlainTextResponse("Not Found", status_code=404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics, methods=["GET"])
