"""The engine inside the transport: aiohttp's connection pool, at a tenth of the cost of httpx's own."""

import aiohttp
import httpx
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport

SPARE_CONNECTIONS = 8
"""For the gateway's own questions about the API, beside the calls."""


def connections(calls: int = 500) -> httpx.AsyncBaseTransport:
    """A pool for so many calls at once. It sends each write at most once, keeps no cookie and reads no proxy
    from the environment.

    Fails with `httpx.ConnectError` when nothing was sent, with `httpx.DecodingError` when something came that
    is not HTTP, and with another `httpx.TransportError` when something may have been done.
    """

    def open_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=calls + SPARE_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            middlewares=(_say_what_happened,),
        )

    # The session checks certificates itself; `verify` would only build a second TLS context.
    return AiohttpTransport(client=open_session, trust_env=False, verify=False)


async def _say_what_happened(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keeps aiohttp from repeating a request whose connection broke: a write may have been carried out, and
    reads are repeated by the client, which knows the deadline. It also keeps apart what httpx-aiohttp takes
    for one error: not sent, not answered, and not HTTP."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise httpx.ConnectError("the API was not reached") from error
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise httpx.ReadError("the connection broke before an answer") from error
    except aiohttp.ClientResponseError as error:
        raise httpx.DecodingError("the answer is not HTTP") from error
