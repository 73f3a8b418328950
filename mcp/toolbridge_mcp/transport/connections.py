"""The engine inside the transport: aiohttp's connection pool, at a tenth of the cost of httpx's own."""

import aiohttp
import httpx
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from httpx_aiohttp import AiohttpTransport

MAX_CONNECTIONS = 256


def connections() -> httpx.AsyncBaseTransport:
    """A pool that sends each write at most once, keeps no cookie and reads no proxy from the environment.

    Fails with `httpx.ConnectError` when nothing was sent, and with another `httpx.TransportError` when
    something may have been.
    """
    # The session below checks certificates; `verify` would only build a second TLS context.
    return AiohttpTransport(client=_open_session, trust_env=False, verify=False)


def _open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        middlewares=(_say_what_happened,),
    )


async def _say_what_happened(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keeps aiohttp from repeating a PUT or DELETE whose connection broke: the first one may have been
    carried out. It also keeps apart what httpx-aiohttp takes for one error: not sent, and not answered."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise httpx.ConnectError("the API was not reached") from error
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "GET":
            raise
        raise httpx.ReadError("the connection broke before an answer") from error
