"""Two deployments beside each other: each a tenant with a gateway, an API and secrets of its own.

They share the identity provider. One forwards the users' tokens and the other has them exchanged.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.harness.authorization_server import SERVICE, AuthorizationServer, running_authorization_server
from tests.harness.processes import api_process, gateway_process, running
from tests.harness.storm import Tenant

UNLIMITED = {f"RATE_LIMIT_{what}": "off" for what in ("READS", "WRITES", "SESSIONS")}


@contextmanager
def two_tenants(binary: Path, folder: Path) -> Iterator[tuple[list[Tenant], AuthorizationServer]]:
    with ExitStack() as stack:
        authority = stack.enter_context(running_authorization_server(algorithm="ES256"))
        name, secret = SERVICE
        exchange = {
            "TOOLBRIDGE_OUTBOUND_IDENTITY": "exchange",
            "TOOLBRIDGE_TOKEN_URL": authority.token_url,
            "TOOLBRIDGE_CLIENT_ID": name,
            "TOOLBRIDGE_CLIENT_SECRET": secret,
            "TOOLBRIDGE_OUTBOUND_AUDIENCE": "https://api.beta.example",
        }
        tenants = [
            _deploy(stack, binary, folder / "alpha", authority, "https://alpha.example", {}),
            _deploy(stack, binary, folder / "beta", authority, "https://api.beta.example", exchange),
        ]
        yield tenants, authority


def _deploy(
    stack: ExitStack,
    binary: Path,
    folder: Path,
    authority: AuthorizationServer,
    api_audience: str,
    outbound: dict[str, str],
) -> Tenant:
    folder.mkdir()
    audience = f"https://{folder.name}.example"
    tenant = {"TENANT_ID": folder.name, "TENANT_HEADER_SECRET": f"tenant secret of {folder.name:-<32}"}
    api_settings = {**tenant, **UNLIMITED, **authority.verifiers(api_audience)}
    api = stack.enter_context(running(api_process(binary, folder, **api_settings)))
    settings = {**tenant, **authority.verifiers(audience), **outbound}
    gateway = stack.enter_context(running(gateway_process(api.url, folder, **settings)))
    return Tenant(folder.name, gateway.url, audience)
