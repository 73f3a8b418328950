"""The engine inside the transport: aiohttp's connection pool, at a tenth of the cost of httpx's."""

import aiohttp
import httpx
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport

SPARE_CONNECTIONS = 8
"""Connections for the gateway's own probes of the API, in addition to those for calls."""


def connections(calls: int = 500) -> httpx.AsyncBaseTransport:
    """A pool for this many calls at once. It sends each request at most once, keeps no cookies, and reads no
    proxy from the environment.

    Raises `httpx.ConnectError` when nothing was sent, `httpx.DecodingError` when the answer is not HTTP, and
    another `httpx.TransportError` when the API may have acted.
    """

    def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=calls + SPARE_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            middlewares=(_send_once,),
        )

    # aiohttp checks certificates itself; `verify` would only build a second TLS context.
    return AiohttpTransport(client=open_session, trust_env=False, verify=False)


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keeps aiohttp from sending a request again when its connection breaks. The API may have carried a write
    out, and reads are retried by the client, which knows the deadline.

    It also separates three errors that httpx-aiohttp reports as one: not sent, not answered, and not HTTP.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise httpx.ConnectError("the API was not reached") from error
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise httpx.ReadError("the connection broke before an answer") from error
    except aiohttp.ClientResponseError as error:
        raise httpx.DecodingError("the answer is not HTTP") from error
