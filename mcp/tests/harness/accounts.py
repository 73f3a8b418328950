"""Accounts and services of a running API, made as an operator makes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness.clients import settings_for
from tests.harness.log_search import Kind, confide
from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.transport import Signer


@asynccontextmanager
async def login_api(api_url: str) -> AsyncIterator[LoginApi]:
    """The API's routes for signing in, with the signature of the tests' tenant."""
    settings = settings_for(api_url)
    signer = Signer.of(settings, Rings.of(settings).tenant)
    async with LoginApi.of(settings, signer) as api:
        yield api


async def invited(api_url: str, name: str, subject: str | None = None) -> str:
    """The token of the link with which a new user chooses a password."""
    async with login_api(api_url) as api:
        made = await api.add_account(name, subject=subject)
    return confide(Kind.SECRET, made.link.token)


async def service(api_url: str, name: str, *scopes: str) -> tuple[str, str]:
    """Id and secret of a new service."""
    async with login_api(api_url) as api:
        made = await api.add_service(name, scopes or ("read", "write"))
    return made.service.id, confide(Kind.SECRET, made.secret)
