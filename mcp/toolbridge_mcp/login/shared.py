"""The API's sign-in, as the whole gateway shares it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from toolbridge_mcp.login.api import LoginApi
from toolbridge_mcp.login.keys import LoginKeys
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.transport import Signer


@dataclass(frozen=True, slots=True)
class Login:
    """What there is of it where `TOOLBRIDGE_LOGIN` is embedded."""

    issuer: str
    api: LoginApi
    keys: LoginKeys

    @classmethod
    def of(cls, settings: Settings, signer: Signer) -> Self | None:
        """None where there is no such sign-in."""
        if settings.login != "embedded":
            return None
        api = LoginApi.of(settings, signer)
        return cls(str(settings.issuer_url), api, LoginKeys(api))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Knows what the API says of keys and revocations, until the block ends."""
        async with self.api, self.keys.kept():
            yield
