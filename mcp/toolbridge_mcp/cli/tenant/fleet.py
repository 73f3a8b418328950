"""The keys of many tenants from one master secret, so that none of them has to be kept.

Each key is HKDF-SHA-256 (RFC 5869) of the master without a salt, with the information
`toolbridge/USE/TENANT/ID`, 32 bytes long, and written as 64 hexadecimal digits, which are the secret. Use and
tenant keep the keys of one tenant from being another's (section 3.2). docs/deploy-fly.md has an example for
other programs.
"""

import os

from toolbridge_mcp.cli.failures import WrongUsage
from toolbridge_mcp.environment import FLEET_SECRET
from toolbridge_mcp.keyring import MIN_SECRET_BYTES
from toolbridge_mcp.uses import Use


def has_master() -> bool:
    return FLEET_SECRET in os.environ


def derived(use: Use, tenant_id: str, key_id: str) -> str:
    """The secret of a tenant's key. Raises `WrongUsage` without a usable master."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    information = f"toolbridge/{use.name}/{tenant_id}/{key_id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=information).derive(_master()).hex()


def _master() -> bytes:
    master = os.fsencode(os.environ.get(FLEET_SECRET, ""))
    if len(master) < MIN_SECRET_BYTES:
        raise WrongUsage(
            f"{FLEET_SECRET} has {len(master)} bytes; from at least {MIN_SECRET_BYTES} keys can be derived. "
            "`openssl rand -hex 32` makes one."
        )
    return master
