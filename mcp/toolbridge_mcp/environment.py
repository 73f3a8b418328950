"""The environment of the programs: ToolBridge's settings, those of its traces, and the variables that the
system itself needs.

Nothing else reaches them. Python, Go, FastMCP, uvicorn, libpq and others read variables of their own, so that
one that was set for another program could move an endpoint or name another database.

This module uses the standard library only: the container's first process imports it.
"""

import os
import sys
from collections.abc import Mapping

API_URL = "TOOLBRIDGE_GO_API_BASE_URL"
START_API = "TOOLBRIDGE_START_API"
"""Tells the gateway that supervisord has started the API beside it. The address is set then, too."""

FLEET_SECRET = "TOOLBRIDGE_FLEET_SECRET"  # noqa: S105  the name of a variable
"""From it the keys of every tenant can be made, so it is for the operator's own machine, and no program gets
it."""

_SETTINGS = frozenset(
    {
        *{"API_PORT", "DATABASE_MAX_CONNECTIONS", "DATABASE_URL", "ENV", "HTTP_ADDR", "IDEMPOTENCY_HOURS"},
        *{"IN_BAND_SESSIONS", "JWT_AUDIENCE", "JWT_HS256_SECRET", "JWT_ISSUER", "JWT_JWKS_URL", "LOG_LEVEL"},
        *{"LOGIN", "LOG_FORMAT", "LOG_SUBJECTS"},
        *{"MAX_BODY_BYTES", "MAX_PUSH_ITEMS", "MAX_STRING_BYTES", "RATE_LIMIT_READS", "RATE_LIMIT_SESSIONS"},
        *{"AUDIT_DAYS", "HISTORY_DAYS", "QUOTA_BYTES", "QUOTA_ITEMS"},
        *{"RATE_LIMIT_WRITES", "READ_ONLY", "REQUIRE_SCOPES", "SCOPE_READ", "SCOPE_WRITE"},
        *{"JWT_HS256_KEYS", "JWT_HS256_KEYS_FILE", "TENANT_CLAIM", "TENANT_HEADER_KEYS"},
        *{"TENANT_HEADER_KEYS_FILE", "TENANT_HEADER_SECRET", "TENANT_ID", "TENANT_SIGNATURES"},
    }
)
"""The settings in `.env.example` whose names do not begin with TOOLBRIDGE_."""

SYSTEM = frozenset(
    {
        *{"HOME", "LANG", "NO_COLOR", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "TMPDIR", "TZ"},
    }
)

OUTSIDE = frozenset(
    {
        *{"ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE"},
        *{"all_proxy", "https_proxy", "no_proxy"},
    }
)
"""How requests to the identity provider and to the collector of traces leave this machine. No other request
uses them."""

_OTLP = (
    "ENDPOINT",
    "HEADERS",
    "PROTOCOL",
    "TIMEOUT",
    "COMPRESSION",
    "CERTIFICATE",
    "CLIENT_CERTIFICATE",
    "CLIENT_KEY",
)

TRACING = frozenset(
    {
        *{f"OTEL_EXPORTER_OTLP_{name}" for name in _OTLP},
        *{f"OTEL_EXPORTER_OTLP_TRACES_{name}" for name in _OTLP},
        *{"OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE"},
        *{"OTEL_BSP_SCHEDULE_DELAY", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME"},
        *{"OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"},
    }
)
"""The variables of OpenTelemetry's specification that say whether, what and where traces are sent. Its others
would change something else, such as the headers of requests."""

_PREFIXES = ("TOOLBRIDGE_", "FLY_", "LC_", "LD_", "DYLD_", "LITESTREAM_")
"""LD_ and DYLD_ are the system loader's: without them some installations of Python do not start. Litestream
may run beside the programs, as docs/deploy-fly.md shows."""

_NO_FILES = {"FASTMCP_ENV_FILE": os.devnull}
"""FastMCP reads a file `.env` in the working directory unless this names another one."""


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """What the programs see of an environment."""
    kept = {name: tidy(name, value) for name, value in environment.items() if _is_kept(name)}
    return kept | _NO_FILES


def tidy(name: str, value: str) -> str:
    """The value of a setting without spaces and quotes around it, which `docker run --env-file` leaves there.

    Secrets are taken as they are, and so is ENV, which must be the one word exactly.
    """
    is_setting = name in _SETTINGS | TRACING or name.startswith("TOOLBRIDGE_")
    if not is_setting or name == "ENV" or name.endswith("SECRET"):
        return value
    value = value.strip()
    return value[1:-1].strip() if is_quoted(value) else value


def is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def _is_kept(name: str) -> bool:
    if name == FLEET_SECRET:
        return False
    return name in _SETTINGS | SYSTEM | OUTSIDE | TRACING or name.startswith(_PREFIXES)


def clean_process() -> None:
    """Removes everything else from the environment of this process. Libraries read theirs when they are
    imported, so call this before."""
    kept = cleaned(os.environ)
    os.environ.clear()
    os.environ.update(kept)


def leave_python_variables() -> None:
    """Starts this process again without the variables that Python itself reads, if there are any: a module in
    PYTHONPATH may have the name of one of ours. Call this before anything else is imported."""
    foreign = {name for name in os.environ if name.startswith("PYTHON") and not _is_kept(name)}
    if foreign:
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        os.execve(sys.executable, sys.orig_argv, kept)  # noqa: S606  no shell is wanted


def forget_outside() -> None:
    """Lets libraries in this process connect to this machine, whatever `OUTSIDE` says."""
    for name in OUTSIDE:
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = "*"


def has_own_api(environment: Mapping[str, str]) -> bool:
    """Whether the API of this repository runs beside the gateway: an address that is given is that of an API
    that runs already, wherever that is."""
    return API_URL not in environment
