"""What a token of FastMCP's proxy costs the gateway on the path of a call, in processor time.

    python -m tests.bench.proxied_tokens

A token that is remembered costs what any other does. One that is not is swapped: its signature is checked,
and files are read and decrypted, once in `REMEMBERED_SECONDS` for each token."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from joserfc import jwt
from joserfc.jwk import OctKey

from tests.harness.processes import JWT_HS256_SECRET
from toolbridge_mcp.auth import Scopes, SharedSecret, Source, UserTokenVerifier
from toolbridge_mcp.keyring import Keyring
from toolbridge_mcp.login.proxy.folder import Folder
from toolbridge_mcp.login.proxy.provider import Granted, Provider
from toolbridge_mcp.login.proxy.swap import SwappedTokens

REPEATED = 20_000
SWAPS = 500


class _Provider:
    """Reads as many entries as a swap does, and verifies the provider's token."""

    def __init__(self, folder: Folder, verifier: UserTokenVerifier, token: str) -> None:
        self._folder, self._verifier, self._token = folder, verifier, token

    async def granted(self, _: str) -> Granted | None:
        for kind in ("ended", "ids", "tokens"):
            await self._folder.get("one", collection=kind)
        verified = await self._verifier.verify_token(self._token)
        return Granted(verified, "family", time.time() + 3600) if verified else None


async def main() -> None:
    keys = SharedSecret(Keyring.of_secret(JWT_HS256_SECRET))
    verifier = UserTokenVerifier(Source(keys, scopes=Scopes()))
    token = _token("theirs")
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path), b"s" * 32)
        for kind in ("ids", "tokens"):
            await folder.put("one", {"token": "x" * 2_000}, collection=kind)
        provider = cast("Provider", _Provider(folder, verifier, token))

        async def known() -> Provider:
            return provider

        swapped = SwappedTokens(verifier, keys, known, takes_others=True)
        ours = _token("ours")
        await swapped.sender(ours)
        await verifier.sender(token)
        others = iter([_token(f"ours {number}") for number in range(SWAPS)])
        costs = {
            "a token of a provider, remembered": await _cost(lambda: verifier.sender(token)),
            "a token of the proxy, remembered": await _cost(lambda: swapped.sender(ours)),
            "a token of the proxy, to be swapped": await _cost(lambda: swapped.sender(next(others)), SWAPS),
        }
    lines = [f"{what:36}{microseconds:10.2f} us\n" for what, microseconds in costs.items()]
    sys.stdout.writelines(lines)


async def _cost(work: Callable[[], Awaitable[Any]], times: int = REPEATED) -> float:
    """Microseconds of processor time of this process, all threads together."""
    began = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - began) / times * 1e6


def _token(subject: str) -> str:
    claims = {
        "sub": subject,
        "exp": int(time.time()) + 3600,
        "jti": "x" * 43,
        "client_id": "tb1." + "x" * 300,
    }
    return jwt.encode({"alg": "HS256", "kid": "default"}, claims, OctKey.import_key(JWT_HS256_SECRET))


if __name__ == "__main__":
    asyncio.run(main())
