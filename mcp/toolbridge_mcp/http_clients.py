"""The gateway's two HTTP clients: one for the API, and one for the identity provider."""

import os
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpx

from toolbridge_mcp.outbound import Outbound, Transmit
from toolbridge_mcp.settings import Settings, WrongSetting
from toolbridge_mcp.transport import Request, Response, Signer, TenantTransport

OUTSIDE_SECONDS = 5
AGENT = {"User-Agent": "toolbridge-mcp"}

_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""The methods whose requests say how long their content is, also if it is empty (RFC 9110, section 8.6)."""

_PROXY = re.compile(r"(?i)(https?://)?([^/?#@\s]*@)?([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/?")
_NO_PROXY_OF_OURS = (
    "is no http or https proxy; set HTTPS_PROXY to one, such as http://proxy.example:3128, or add the host "
    "of the identity provider to NO_PROXY"
)


class ApiHttp:
    """A client for the API: each request has the token that `outbound` chooses, and is signed.

    It is made of what a call needs. httpx's own client costs several times as much as all the rest of a call.
    """

    def __init__(
        self, transport: TenantTransport, authorized: Callable[[Request, Transmit], Awaitable[Response]]
    ) -> None:
        """`authorized` sends a request with a token, through the function that it is given."""
        self._transport = transport
        self._authorized = authorized
        self._headers = {
            "Host": transport.host,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **AGENT,
        }

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        edges: bool = False,
        route: str = "",
        resends: int = 0,
    ) -> Request:
        """A request to the API. `target` is the path with the query, percent-encoded."""
        fields = {**self._headers, **headers}
        if content or method in _WITH_CONTENT:
            fields["Content-Length"] = str(len(content))
        return Request(method, target, fields, content, edges=edges, route=route, resends=resends)

    async def send(self, request: Request) -> Response:
        """The answer to the request. Raises what the transport and `outbound` raise."""
        return await self._authorized(request, self._transport.send)

    async def aclose(self) -> None:
        await self._transport.aclose()


def api_http(
    settings: Settings, signer: Signer, outbound: Outbound, engine: httpx.AsyncBaseTransport | None = None
) -> ApiHttp:
    """A client that sends signed requests to the API, with the token that `outbound` chooses for each.

    `engine` is a transport for tests in place of real connections.
    """
    return ApiHttp(TenantTransport.of(settings, signer, engine), outbound.send)


def outside_http(settings: Settings) -> httpx.AsyncClient:
    """A client for the identity provider. Without one it sends nothing, so neither proxy nor certificates of
    the environment are read. Raises `WrongSetting` as `client_for` does."""
    given = (settings.jwt_jwks_url, settings.token_url, settings.proxy_config_url)
    urls = [url for url in (*given, *settings.provider_issuers[:1]) if url]
    if not urls:
        return httpx.AsyncClient(transport=httpx.AsyncBaseTransport(), trust_env=False)
    return client_for(urls, OUTSIDE_SECONDS)


def client_for(urls: Iterable[str], timeout: float, base_url: str = "") -> httpx.AsyncClient:
    """A client for the hosts of these addresses, through the proxy that the environment names.

    Plain http never goes through a proxy: it is allowed to this machine only, and carries secrets. Raises
    `WrongSetting` for a proxy or certificates that cannot be used.
    """
    hosts = {url.netloc.decode() for url in map(httpx.URL, urls) if url.scheme == "https"}
    direct = {host for host in hosts if _is_direct(host)}
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        verify=_certificates() if hosts else False,
        proxy=_proxy() if hosts - direct else None,
        mounts={"http://": None, **{f"https://{host}": None for host in direct}},
        cookies=_no_cookies(),
        headers=AGENT,
    )


def way_to(url: str) -> tuple[str | None, str | None]:
    """The proxy on the way to an address, and the file or folder with the certificates to trust there, as the
    environment names them; None where it names none. Raises `WrongSetting` as `client_for` does."""
    address = httpx.URL(url)
    if address.scheme != "https":
        return None, None
    _certificates()
    proxy = None if _is_direct(address.netloc.decode()) else _proxy()
    return proxy, os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or None


def _is_direct(netloc: str) -> bool:
    """Whether NO_PROXY names the host, by its name, a domain, an address or a network."""
    host = httpx.URL(f"https://{netloc}").host
    entries = _variable("NO_PROXY")[1].lower().replace(",", " ").split()
    return any(entry in ("*", netloc) or _is_within(host, entry) for entry in entries)


def _is_within(host: str, entry: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        domain = entry.removeprefix("*").removeprefix(".")
        return host == domain or host.endswith(f".{domain}")


def _proxy() -> str | None:
    for name, value in (_variable("HTTPS_PROXY"), _variable("ALL_PROXY")):
        if value:
            found = _PROXY.fullmatch(value)
            if not found:
                raise WrongSetting(name, _NO_PROXY_OF_OURS, prefix="")
            return value if found[1] else f"http://{value}"
    return None


def _variable(name: str) -> tuple[str, str]:
    """The variable of that name, in capitals or small letters, and its value; empty if there is none."""
    for spelling in (name.lower(), name):
        if value := os.environ.get(spelling, "").strip():
            return spelling, value
    return name, ""


def _certificates() -> ssl.SSLContext:
    """The authorities to trust: those that the environment names, else certifi's."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folder and not Path(folder).is_dir():
        raise WrongSetting("SSL_CERT_DIR", "is no folder; correct it or remove it", prefix="")
    if not file and not folder:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:
        reason = "is no readable file with certificates; correct it or remove it"
        raise WrongSetting("SSL_CERT_FILE", reason, prefix="") from error


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))
