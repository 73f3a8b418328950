"""The gateway's settings: read once, from the environment, when the process starts."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, Self

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from toolbridge_mcp.setting_types import (
    ApiUrl,
    Hosts,
    MaybeGivenSecret,
    MaybeRate,
    MaybeSecret,
    MaybeText,
    MaybeUrl,
    Networks,
    Origins,
    PublicUrl,
    Rate,
    Scope,
    Secret,
    TenantId,
    Urls,
    Words,
    is_safe_url,
)

PREFIX = "TOOLBRIDGE_"
CLOSE = 0.85
"""How alike two names are, from 0 to 1, when one is taken for a slip of the other."""


def _shared(name: str) -> AliasChoices:
    """The prefixed name, or the name under which the API reads the same value."""
    return AliasChoices(f"{PREFIX}{name}", name)


def _named(name: str, platforms: str) -> AliasChoices:
    return AliasChoices(f"{PREFIX}{name}", platforms)


class WrongSetting(ValueError):
    """A setting that is wrong beside others. `name` is without prefix; the text is without values."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.sentence = f"{PREFIX}{name}: {reason}."


class Settings(BaseSettings):
    """Everything an operator can set. Missing and half settings are errors that name the variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    tenant_id: TenantId = Field(validation_alias=_shared("TENANT_ID"))
    tenant_header_secret: Secret = Field(validation_alias=_shared("TENANT_HEADER_SECRET"))
    jwt_hs256_secret: MaybeSecret = Field(default=None, validation_alias=_shared("JWT_HS256_SECRET"))
    jwt_jwks_url: MaybeUrl = Field(default=None, validation_alias=_shared("JWT_JWKS_URL"))
    jwt_issuer: MaybeText = Field(default=None, validation_alias=_shared("JWT_ISSUER"))
    jwt_audience: Words = Field(default=(), validation_alias=_shared("JWT_AUDIENCE"))
    """Any one of them is enough, as in the API."""

    scope_read: Scope = "read"
    scope_write: Scope = "write"
    require_scopes: bool | None = None
    """Whether a token that names no scopes gets nothing; unset, it does so with a key set only."""

    read_only: bool = False
    tools: Words = ()
    """The tools to offer, by their names or by the plural of an entity; all if empty."""

    public_url: PublicUrl = None
    """The address of which clients know `/sse` and `/mcp`, without these; may have a path."""

    authorization_servers: Urls = ()
    """Issuers that clients are sent to; unset, `jwt_issuer` if that is an address."""

    allowed_hosts: Hosts = ()
    allowed_origins: Origins = ()
    trusted_proxies: Networks = ()
    """Whose X-Forwarded-Proto and X-Forwarded-For are believed."""

    machine_id: MaybeText = Field(default=None, validation_alias=_named("MACHINE_ID", "FLY_MACHINE_ID"))
    """Which of several machines this is; the platform hands a session's messages to the machine it names."""

    max_sessions: int = Field(default=2_000, ge=1, le=100_000)
    max_sessions_per_user: int = Field(default=250, ge=1, le=100_000)
    stream_idle_seconds: float = Field(default=28_800, ge=1)
    """How long an SSE session without a message lives; short ones hurt, since many clients do not
    initialize a session anew."""

    session_idle_seconds: float = Field(default=1_800, ge=1)
    """The same for a session of Streamable HTTP, whose client may have gone without a word."""

    expired_stream_seconds: float = Field(default=3_600, ge=0)
    """How long a stream outlives the newest token that its session was used with."""

    stalled_stream_seconds: float = Field(default=30, ge=1)
    """How long a client may leave what it is sent unread."""

    drain_seconds: float = Field(default=20, ge=0, le=240)
    """How long calls may go on when the gateway is told to stop; supervisord.conf allows it 25 s in all."""

    go_api_base_url: ApiUrl = "http://127.0.0.1:8081"
    host: str = Field(default="0.0.0.0", min_length=1)  # noqa: S104  the container publishes this port only
    port: int = Field(default=8001, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    api_wait_seconds: float = Field(default=15, ge=0, le=300)
    """How long a start waits for the API before it serves without it (then `/readyz` is 503)."""

    outbound_identity: Literal["forward", "exchange", "client_credentials"] = "forward"
    """Whose token the API gets: the caller's own, one exchanged for it, or the service's for all callers."""

    token_url: MaybeUrl = None
    client_id: MaybeText = None
    client_secret: MaybeGivenSecret = None
    client_authentication: Literal["client_secret_basic", "client_secret_post"] | None = None
    outbound_audience: MaybeText = None
    outbound_scope: MaybeText = None
    outbound_resource: MaybeText = None
    all_callers_act_as_one_user: bool | None = None
    """The operator's word that every caller may read and change the one service user's data."""

    call_seconds: float = Field(default=30, gt=0, le=600)
    """How long a tool call may take, from its arrival to its answer."""

    max_calls: int = Field(default=500, ge=1, le=10_000)
    """Most calls at work at once, and most connections to the API for them."""

    max_calls_per_user: int = Field(default=100, ge=1, le=10_000)
    rate_limit: MaybeRate = Rate(60_000, 2_000)
    """How often one user may call; None is `off`."""

    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where metrics are served to anyone who can connect; nowhere if there is no port."""

    @property
    def scopes_required(self) -> bool:
        return self.jwt_jwks_url is not None if self.require_scopes is None else self.require_scopes

    @property
    def issuers(self) -> tuple[str, ...]:
        """The authorization servers that clients are told of."""
        return self.authorization_servers or ((self.jwt_issuer,) if is_safe_url(self.jwt_issuer) else ())

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        """One whole way to check tokens (`JWT_JWKS_URL` needs issuer and audience), and two scopes."""
        if self.jwt_hs256_secret is None and self.jwt_jwks_url is None:
            raise WrongSetting(
                "JWT_HS256_SECRET", "is not set; set it, or JWT_JWKS_URL with JWT_ISSUER and JWT_AUDIENCE"
            )
        if self.jwt_hs256_secret is not None and self.jwt_jwks_url is not None:
            raise WrongSetting("JWT_HS256_SECRET", "is set together with JWT_JWKS_URL; remove one of them")
        if self.jwt_jwks_url is not None and self.jwt_issuer is None:
            raise WrongSetting("JWT_ISSUER", "is not set; JWT_JWKS_URL needs it")
        if self.jwt_jwks_url is not None and not self.jwt_audience:
            raise WrongSetting("JWT_AUDIENCE", "is not set; JWT_JWKS_URL needs it")
        if "metrics_host" in self.model_fields_set and self.metrics_port is None:
            raise WrongSetting("METRICS_PORT", "is not set; TOOLBRIDGE_METRICS_HOST needs it")
        if self.scope_read == self.scope_write:
            raise WrongSetting("SCOPE_WRITE", "must differ from TOOLBRIDGE_SCOPE_READ")
        return self

    @model_validator(mode="after")
    def _check_outbound(self) -> Self:
        """The settings of the chosen mode are complete, and none of another mode is there."""
        needed = _OUTBOUND_NEEDS[self.outbound_identity]
        mode = f"TOOLBRIDGE_OUTBOUND_IDENTITY={self.outbound_identity}"
        for name in sorted(_OUTBOUND_NEEDS["client_credentials"] | _OUTBOUND_OPTIONS):
            value = getattr(self, name)
            if name in needed and value is None:
                raise WrongSetting(name.upper(), f"is not set; {mode} needs it")
            if value is not None and name not in needed and not (needed and name in _OUTBOUND_OPTIONS):
                raise WrongSetting(name.upper(), f"is set, but {mode} does not use it; remove one")
        if self.all_callers_act_as_one_user is False:
            raise WrongSetting(
                "ALL_CALLERS_ACT_AS_ONE_USER",
                f"must be true: with {mode} every caller reads and changes the same user's data",
            )
        return self


_OUTBOUND_NEEDS: Mapping[str, frozenset[str]] = {
    "forward": frozenset(),
    "exchange": frozenset({"token_url", "client_id", "client_secret"}),
    "client_credentials": frozenset(
        {"token_url", "client_id", "client_secret", "all_callers_act_as_one_user"}
    ),
}
_OUTBOUND_OPTIONS = frozenset(
    {"client_authentication", "outbound_audience", "outbound_scope", "outbound_resource"}
)


def from_environment() -> Settings:
    """The settings of this process. Raises ValidationError, or `WrongSetting` for a variable that is almost
    one of ours: it would change nothing, and its writer would think otherwise."""
    settings = Settings()
    known = [name.upper() for name in Settings.model_fields]
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            for meant in get_close_matches(name, known, n=1, cutoff=CLOSE):
                raise WrongSetting(
                    name, f"is no setting, but {PREFIX}{meant} is; correct the name or remove it"
                )
    return settings


def explain(error: ValidationError) -> str:
    """One sentence for each wrong setting; holds the variables' names, never their values."""
    return "\n".join(_sentence(problem) for problem in error.errors(include_url=False, include_input=False))


def _sentence(problem: ErrorDetails) -> str:
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, WrongSetting):
        return cause.sentence
    name = str(problem["loc"][0]).upper()
    variable = name if name.startswith("TOOLBRIDGE_") else f"TOOLBRIDGE_{name}"
    reason = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
    return f"{variable}: {reason}."
