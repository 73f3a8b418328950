"""The gateway's settings: read once, from the environment, when the process starts."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from itertools import combinations
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from toolbridge_mcp.environment import START_API, tidy
from toolbridge_mcp.keyring import Keyring, WrongKeys
from toolbridge_mcp.listening import is_every_address, is_loopback, local_url
from toolbridge_mcp.setting_types import (
    ANY_CASE,
    ApiUrl,
    Color,
    Hosts,
    LoginName,
    LogLevel,
    MaybeGivenSecret,
    MaybeHeader,
    MaybeKeys,
    MaybePath,
    MaybeRate,
    MaybeScope,
    MaybeSecret,
    MaybeText,
    MaybeUrl,
    Networks,
    Origins,
    Parameters,
    PublicUrl,
    Rate,
    Scope,
    TenantId,
    TimeZone,
    Urls,
    Words,
    is_safe_url,
)
from toolbridge_mcp.uses import PREFIX, TENANT, TOKEN, Use

CLOSE = 0.85
"""Two names that are at least this similar (0 to 1) are taken for a misspelling of each other."""


def _shared(name: str) -> AliasChoices:
    """The prefixed name, or the name under which the API reads the same value."""
    return AliasChoices(f"{PREFIX}{name}", name)


class WrongSetting(ValueError):
    """A variable that contradicts another one, or cannot be used. The sentence holds no values."""

    def __init__(self, name: str, reason: str, prefix: str = PREFIX) -> None:
        """`name` is without the prefix."""
        super().__init__(reason)
        self.sentence = f"{prefix}{name}: {reason}."


class Settings(BaseSettings):
    """Everything an operator can set. A missing or wrong setting is an error that names the variable.

    The docstrings of the fields are the text of `docs/gateway-settings.md`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    tenant_id: TenantId = Field(validation_alias=_shared("TENANT_ID"))
    """The one tenant that this deployment serves. Every request to the API is signed for it, and the API
    refuses any other tenant."""

    tenant_header_secret: MaybeSecret = Field(default=None, validation_alias=_shared("TENANT_HEADER_SECRET"))
    """The key with which every request to the API is signed (HMAC-SHA256). The API has the same key and
    refuses requests without a valid signature. This, `TENANT_HEADER_KEYS` or `TENANT_HEADER_KEYS_FILE` is
    required; they exclude each other."""

    tenant_header_keys: MaybeKeys = Field(default=None, validation_alias=_shared("TENANT_HEADER_KEYS"))
    """Several such keys, so that one can be changed while both programs run: 1 to 8 words `id:made:secret`,
    such as `k2:2026-01-31:` and 64 hexadecimal digits, separated by spaces or commas. The first signs; the
    API accepts all."""

    tenant_header_keys_file: MaybePath = Field(
        default=None, validation_alias=_shared("TENANT_HEADER_KEYS_FILE")
    )
    """A file with such a list, which is read again within a second of each change. Lines that begin with #
    are comments. While the file is wrong or gone, the known keys stay in use. Replace it by renaming another
    one: of a file that is written in place for longer than a quarter of a second, a part may be read. Nobody
    but its owner should be able to read it."""

    signature: Annotated[Literal["auto", "v1", "v2"], ANY_CASE] = "auto"
    """The version of the signature: `v2` is bound to the request (RFC 9421), `v1` says the tenant and the
    time only, for APIs that know no other. `auto` is v2, and v1 only in front of an API at
    `TOOLBRIDGE_GO_API_BASE_URL` that does not say that it takes v2."""

    jwt_hs256_secret: MaybeSecret = Field(default=None, validation_alias=_shared("JWT_HS256_SECRET"))
    """The key with which the users' tokens are signed (HS256). This, `JWT_HS256_KEYS` or
    `JWT_HS256_KEYS_FILE` is required unless `JWT_JWKS_URL` is set; they exclude each other. Whoever knows
    this key can make a token for any user."""

    jwt_hs256_keys: MaybeKeys = Field(default=None, validation_alias=_shared("JWT_HS256_KEYS"))
    """Several such keys, in the form of `TENANT_HEADER_KEYS`. A token that one of them has signed is
    accepted."""

    jwt_hs256_keys_file: MaybePath = Field(default=None, validation_alias=_shared("JWT_HS256_KEYS_FILE"))
    """A file with such a list, which is read again like `TENANT_HEADER_KEYS_FILE`."""

    jwt_jwks_url: MaybeUrl = Field(default=None, validation_alias=_shared("JWT_JWKS_URL"))
    """The key set of an identity provider whose tokens are RS256, ES256 or EdDSA. Needs `JWT_ISSUER` and
    `JWT_AUDIENCE`. The gateway reads the key set again when it is 10 minutes old, and when a token names an
    unknown key."""

    jwt_issuer: MaybeText = Field(default=None, validation_alias=_shared("JWT_ISSUER"))
    """The `iss` that a token must have. Not checked when unset."""

    jwt_audience: Words = Field(default=(), validation_alias=_shared("JWT_AUDIENCE"))
    """The `aud` that a token must have; if several are set, any one of them is enough. This keeps out tokens
    that were issued for another service. Not checked when unset. Set `TOOLBRIDGE_JWT_AUDIENCE` if the
    gateway's audience is not the API's."""

    tenant_claim: MaybeText = Field(default=None, validation_alias=_shared("TENANT_CLAIM"))
    """The claim of a token that must name `TENANT_ID`, as a text or in a list of texts. Not checked when
    unset. The API reads it, too."""

    login: Annotated[Literal["provider", "proxy", "embedded"], ANY_CASE] = "provider"
    """Where users sign in: at an identity provider that registers clients, or nowhere, with tokens from
    elsewhere (`provider`); at one that does not register clients, through this gateway (`proxy`); or here,
    with accounts of this deployment's own (`embedded`). The API reads it, too."""

    login_name: LoginName = "ToolBridge"
    """The product's name on the pages of the sign-in."""

    login_color: Color = "#1f5fbf"
    """The product's colour there. The colour of the text on it follows from it."""

    login_access_seconds: int = Field(default=1_800, ge=900, le=3_600)
    """How many seconds an access token of `embedded` is valid. Its client gets the next one without the user.
    Some clients fail with shorter times."""

    login_documents: bool = True
    """Whether `embedded` reads the documents in which clients say on the internet who they are. Say no where
    this gateway reaches no site outside, or Claude Code and VS Code cannot sign in: then they register."""

    proxy_config_url: MaybeUrl = None
    """With `proxy`: the address of the provider's description, which ends in
    `/.well-known/openid-configuration`. Its issuer must be `JWT_ISSUER`. This and the settings up to
    `TOOLBRIDGE_PROXY_FOLDER` that have no default are needed then, with `JWT_JWKS_URL`; with another
    `TOOLBRIDGE_LOGIN` all but the folder are refused."""

    proxy_client_id: MaybeText = None
    """The id of the gateway at the provider, where an operator has registered it with one redirect URI:
    `/auth/callback` behind the public address."""

    proxy_client_secret: MaybeGivenSecret = None
    """The secret of the gateway at the provider."""

    proxy_client_authentication: Annotated[Literal["client_secret_basic", "client_secret_post"], ANY_CASE] = (
        "client_secret_basic"
    )
    """How the gateway sends its id and secret to the provider: in a header (`client_secret_basic`) or in the
    form (`client_secret_post`)."""

    proxy_token: Annotated[Literal["access_token", "id_token"], ANY_CASE] = "access_token"  # noqa: S105
    """The token of the provider that says who the user is, and that the API receives. Set `id_token` where
    access tokens are no JWTs or not for this deployment, as with Google; `JWT_AUDIENCE` is then the client
    id."""

    proxy_scopes: Words = ()
    """The scopes that the provider is always asked for. With `access_token` it is also asked for those of
    ours that a client asks for. When unset, `openid`, and `offline_access` if the provider names it."""

    proxy_authorize_parameters: Parameters = ()
    """What the provider is told at a sign-in in addition, as words `name=value`: Google needs
    `access_type=offline prompt=consent`."""

    proxy_folder: MaybePath = None
    """The folder where sign-ins and the provider's tokens are kept, encrypted with a key that the tenant keys
    seal. Without it, or with other tenant keys, everybody signs in again. Several machines have to share it.
    `scripts/run.sh` and the container have one."""

    scope_read: Scope = Field(default="read", validation_alias=_shared("SCOPE_READ"))
    """The scope that a token needs for tools that only read."""

    scope_write: Scope = Field(default="write", validation_alias=_shared("SCOPE_WRITE"))
    """The scope that a token needs for tools that change something. Must differ from
    `TOOLBRIDGE_SCOPE_READ`."""

    advertised_scope_read: MaybeScope = None
    """The name under which clients request `TOOLBRIDGE_SCOPE_READ`, if it is another one than in the token:
    clients request `api://APP/read` from Entra ID, and the token says `read`. The sign-in metadata and each
    401 and 403 contain this name."""

    advertised_scope_write: MaybeScope = None
    """The same for `TOOLBRIDGE_SCOPE_WRITE`."""

    require_scopes: bool | None = Field(default=None, validation_alias=_shared("REQUIRE_SCOPES"))
    """Whether a token without scopes is refused. When unset, it is refused if `JWT_JWKS_URL` is set, and may
    do everything if `JWT_HS256_SECRET` is set. A token that names scopes is always limited to them."""

    read_only: bool = Field(default=False, validation_alias=_shared("READ_ONLY"))
    """Whether to offer only the tools that change nothing, whatever a caller's scopes allow."""

    tools: Words = ()
    """The tools that may be offered, whatever a client chooses: by name (`list_chats`), by the plural of an
    entity (`notes`) or by toolset (`work`). All when unset. An unknown name stops the start. A tool of `work`
    serves all entities: `search` alone finds items of every kind."""

    toolsets: Words = ("crud", "work")
    """The toolsets of an address that chooses none: `crud` (each operation on each entity), `work` (a few
    tools with which everything can be done) or `chatgpt` (`search` and `fetch` as ChatGPT's connectors want
    them). A client chooses others at the end of its address: `/mcp?toolsets=work`. An unknown name stops the
    start."""

    timezone: TimeZone = None
    """Where the users are, as a name of the IANA database such as `Europe/Berlin`, if their tokens have no
    claim `zoneinfo`. Without either, words such as `tomorrow` are refused, since they mean another day in
    each zone. An unknown name stops the start."""

    public_url: PublicUrl = None
    """The address under which clients know the gateway, without `/sse` and `/mcp`; with the path, if a proxy
    serves the gateway under one. The sign-in metadata names it, and requests for its host and from pages of
    its origin are accepted. When unset, the `Host` of each request takes its place, and `/metrics` is open to
    this machine."""

    authorization_servers: Urls = ()
    """The issuers (RFC 8414) where clients sign in. When unset, `JWT_ISSUER` if it is an https address."""

    allowed_hosts: Hosts = ()
    """Further names of the gateway, beside this machine's names, the address that a connection comes to, and
    the host of `TOOLBRIDGE_PUBLIC_URL`. A request to any path whose `Host` is none of them gets 421, which
    protects against DNS rebinding."""

    allowed_origins: Origins = ()
    """Further origins, beside the gateway's own, whose web pages may use it, also from the internet if the
    gateway is inside a network. Pages of this machine may use it under this machine's names. A page of an
    extension or of a desktop app has an origin of another scheme, such as `moz-extension://`,
    `vscode-webview://` or `app://`. `*` and `null` are refused. A request with any other `Origin` gets 403,
    so that a foreign page cannot call tools from a user's browser; only the sign-in metadata is for every
    page."""

    trusted_proxies: Networks = ()
    """The proxies whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed. From any other address these
    headers are ignored, so that a client cannot pretend to be somebody else."""

    client_address_header: MaybeHeader = None
    """The header in which the proxies of `TOOLBRIDGE_TRUSTED_PROXIES` name the client, in place of
    `X-Forwarded-For`: `Fly-Client-IP` on Fly.io, whose proxy ends `X-Forwarded-For` with an address of the
    app, the same for all clients. The proxies must remove the header from what clients send."""

    machine_id: MaybeText = Field(
        default=None, validation_alias=AliasChoices(f"{PREFIX}MACHINE_ID", "FLY_MACHINE_ID")
    )
    """The name of this machine, if there are several; Fly.io sets it. Session ids carry the name, and Fly.io
    hands a message for another machine's session over to that machine."""

    max_connections: int = Field(default=4_000, ge=10, le=60_000)
    """Most connections of clients at once; fewer if the system's limit on open files is low. Above that, a
    new connection takes the place of the one that has been without a request longest. This bounds the memory
    for connections, and leaves descriptors for health checks and for requests to the API."""

    max_connections_per_address: int = Field(default=1_000, ge=1, le=60_000)
    """Most connections from one address (IPv6: from one /64 network), so that one stranger cannot take all of
    them. Those of `TOOLBRIDGE_TRUSTED_PROXIES` are not counted here, as they carry many clients."""

    max_sessions: int = Field(default=1_000, ge=1, le=100_000)
    """Most sessions at once, of all users together, which bounds the gateway's memory. A new session above
    that takes the place of an idle one of the user with the most sessions; if there is none, it gets 503."""

    max_sessions_per_user: int = Field(default=100, ge=1, le=100_000)
    """Most sessions of one user at once. A new session above that takes the place of the one that has been
    idle longest, whose client opens a new one when it needs one. If a request is under way in each, the new
    session gets 429."""

    short_way: bool = True
    """Whether tool calls are carried out without FastMCP in between, at a fraction of its cost. The answers
    are the same, byte for byte. Switch it off to find out whether a problem comes from there."""

    max_unread_bytes: int = Field(default=67_108_864, ge=4_194_304)
    """About how many bytes of memory responses may occupy that clients have not read yet, of all users
    together. A call whose response has no room waits, and ends with an error when its time is up."""

    max_unread_bytes_per_user: int = Field(default=25_165_824, ge=4_194_304)
    """The same of one user; on one stream half of that. A text of the API occupies three times its size."""

    stream_idle_seconds: float = Field(default=28_800, ge=1)
    """How many seconds an SSE session lasts without a message. Short times hurt: when a stream was closed,
    many clients do not initialize the new session, and fail until they are restarted."""

    session_idle_seconds: float = Field(default=1_800, ge=1)
    """How many seconds a Streamable HTTP session lasts without a request. Its client may be gone without
    notice."""

    expired_stream_seconds: float = Field(default=3_600, ge=0)
    """How many seconds a stream stays open after the latest token of its session has expired. The expired
    token itself is refused at once."""

    stalled_stream_seconds: float = Field(default=30, ge=1)
    """How many seconds a client may leave unread what the gateway sends, before its stream is closed. This
    bounds the memory for unread answers."""

    drain_seconds: float = Field(default=20, ge=0, le=240)
    """How many seconds running calls may take to finish when the gateway is asked to stop.
    `supervisord.conf` allows the gateway 25 s for the whole stop."""

    go_api_base_url: ApiUrl = "http://127.0.0.1:8081"
    """The address of the API, which receives the users' tokens. Under `scripts/run.sh` and in the container,
    set it only for an API that runs already: the gateway then runs alone. When unset there, an API is started
    beside the gateway, on `API_PORT`."""

    host: str = Field(default="0.0.0.0", min_length=1)  # noqa: S104  the container publishes this port only
    """The address or name to listen on; the default is every IPv4 address, and `::` is every IPv4 and IPv6
    address. `scripts/run.sh` sets `127.0.0.1`, so that only this machine can connect."""

    port: int = Field(default=8001, ge=1, le=65535)
    """The port to listen on."""

    log_level: LogLevel = "info"
    """The lowest level that is logged."""

    log_format: Annotated[Literal["json", "text"], ANY_CASE] = Field(
        default="json", validation_alias=_shared("LOG_FORMAT")
    )
    """The form of log lines: one JSON object each, or text for people."""

    log_subjects: Annotated[Literal["plain", "hashed"], ANY_CASE] = Field(
        default="plain", validation_alias=_shared("LOG_SUBJECTS")
    )
    """How log lines name users: as their tokens do, or by the first 16 hexadecimal digits of SHA-256 over the
    tenant, a line feed and the subject."""

    api_wait_seconds: float = Field(default=15, ge=0, le=300)
    """How many seconds a start waits for the API, and for the key set of `JWT_JWKS_URL`. After that the
    gateway serves without them, and `/readyz` is 503 until both are there."""

    outbound_identity: Annotated[Literal["forward", "exchange", "client_credentials"], ANY_CASE] = "forward"
    """Whose token the API receives: the caller's own (`forward`), one that the token service issues in
    exchange for it (`exchange`, RFC 8693), or the gateway's own, the same for all callers
    (`client_credentials`). No failure changes the mode."""

    token_url: MaybeUrl = None
    """The token endpoint. `exchange` and `client_credentials` need it; like the settings that follow, it is
    refused in a mode that does not use it."""

    client_id: MaybeText = None
    """The gateway's client id at the token endpoint. Needed with `TOOLBRIDGE_TOKEN_URL`."""

    client_secret: MaybeGivenSecret = None
    """The gateway's client secret at the token endpoint. Needed with `TOOLBRIDGE_TOKEN_URL`."""

    client_authentication: Annotated[
        Literal["client_secret_basic", "client_secret_post"] | None, ANY_CASE
    ] = None
    """How the gateway sends its id and secret: in a header (`client_secret_basic`, also when unset) or in the
    form (`client_secret_post`)."""

    outbound_audience: MaybeText = None
    """The `audience` to ask the token service for, if it expects one."""

    outbound_scope: MaybeText = None
    """The `scope` to ask the token service for, if it expects one."""

    outbound_resource: MaybeText = None
    """The `resource` to ask the token service for, if it expects one."""

    all_callers_act_as_one_user: bool | None = None
    """Must be `true` with `client_credentials`, and unset in other modes. It confirms that every caller may
    read and change the data of the one service user."""

    call_seconds: float = Field(default=30, gt=0, le=600)
    """How many seconds a tool call may take, from its arrival to its response. When they are over, the
    request to the API is closed too."""

    max_calls: int = Field(default=500, ge=1, le=10_000)
    """Most tool calls that run at once, of all users together. Further calls wait up to 2 s for a place and
    are then refused as busy. This also bounds the connections to the API."""

    max_calls_per_user: int = Field(default=100, ge=1, le=10_000)
    """Most tool calls of one user that run at once, so that one user cannot keep the others waiting. Further
    calls wait in the same way."""

    rate_limit: MaybeRate = Rate(60_000, 2_000)
    """How often one user may call tools: calls per minute, a colon, calls at once. Each gateway process
    counts for itself."""

    message_rate: MaybeRate = Rate(90_000, 3_000)
    """How often one user may send a message of any kind, or open a stream, in the same form. Set it higher
    than `TOOLBRIDGE_RATE_LIMIT`. This bounds the processor time that messages other than tool calls take."""

    byte_rate: MaybeRate = Rate(600_000_000, 50_000_000)
    """How many bytes one user may send: bytes per minute, a colon, bytes at once, at least 5000000. Messages
    above that wait up to 5 s and are then refused with 429. This bounds memory and processor time for large
    messages."""

    max_bodies: int = Field(default=400, ge=1, le=10_000)
    """Most messages at once that are on their way in, of all users together. Further ones wait up to 5 s and
    are then refused. This bounds the memory for what has been received of them."""

    max_bodies_per_user: int = Field(default=100, ge=1, le=10_000)
    """The same for one user, so that one user's slow connections leave room for those of others."""

    max_body_bytes: int = Field(default=50_000_000, ge=5_000_000)
    """Most bytes of messages at once that are large or do not come at once, of all users together, until they
    are served. This bounds the gateway's memory: a message takes a few times its size."""

    max_body_bytes_per_user: int = Field(default=17_000_000, ge=5_000_000)
    """The same for one user; the default is four of the largest messages."""

    body_seconds: float = Field(default=30, ge=1, le=600)
    """How many seconds a message may take to arrive, so that it does not occupy memory for longer. One that
    pauses for 10 s, or is slower than 16 KiB a second after the first 5 s, gets 408 sooner."""

    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    """The address of the private port; `::` is every IPv4 and IPv6 address. Set it only together with
    `TOOLBRIDGE_METRICS_PORT`."""

    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """The private port, which serves anyone who can connect: metrics for Prometheus at `/metrics` and
    `/metrics/api`, under any name, and the operator's page at `/`, under an address, `localhost`, a name in
    `.internal` or `.flycast`, a name in `TOOLBRIDGE_ALLOWED_HOSTS`, or the public one. The page names users.
    When unset, no such port is open; `scripts/run.sh` sets 9091."""

    def sources(self, use: Use) -> list[str]:
        """Which settings are given that say what the keys of a use are, or where: one, or none if something
        else takes their place."""
        return _set_ones(use.in_order, self)

    def keyring(self, use: Use) -> Keyring:
        """The keys of a use that has some. Raises `WrongSetting` for a file that cannot be used."""
        (name,) = self.sources(use)
        value = getattr(self, name.lower())
        try:
            return use.ring(name, value if isinstance(value, str) else value.get_secret_value())
        except WrongKeys as error:
            raise WrongSetting(name, str(error)) from error

    @property
    def has_own_api(self) -> bool:
        """Whether the API is the one that is started beside the gateway, of the same version."""
        return "go_api_base_url" not in self.model_fields_set or os.environ.get(START_API) == "true"

    @property
    def scopes_required(self) -> bool:
        return self.jwt_jwks_url is not None if self.require_scopes is None else self.require_scopes

    @property
    def requested_scopes(self) -> tuple[str, ...]:
        """The scopes that clients request, each once."""
        read = self.advertised_scope_read or self.scope_read
        write = self.advertised_scope_write or self.scope_write
        return tuple(dict.fromkeys((read, write)))

    @property
    def every_host(self) -> tuple[str, ...]:
        """The names of the gateway beside the public one: those given, and the one that it listens on."""
        return self.allowed_hosts if is_every_address(self.host) else (*self.allowed_hosts, self.host)

    @property
    def issuer_url(self) -> str | None:
        """The issuer that this gateway is itself, with `embedded` and `proxy`: the public address, or that of
        this machine for a gateway that nobody else can reach."""
        if self.public_url or not is_loopback(self.host):
            return self.public_url
        return local_url(self.host, self.port)

    @property
    def provider_issuers(self) -> tuple[str, ...]:
        """The authorization servers elsewhere where clients sign in."""
        if self.login != "provider":
            return ()
        return self.authorization_servers or ((self.jwt_issuer,) if is_safe_url(self.jwt_issuer) else ())

    @property
    def issuers(self) -> tuple[str, ...]:
        """The authorization servers that the gateway names to clients."""
        own = self.issuer_url if self.login != "provider" else None
        return (own,) if own else self.provider_issuers

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, given: dict[str, object]) -> dict[str, object]:
        return {
            name: tidy(f"{PREFIX}{name.upper()}", value) if isinstance(value, str) else value
            for name, value in given.items()
        }

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        for rule in _TOGETHER:
            if rule.broken(self):
                raise WrongSetting(rule.name, rule.reason)
        return self

    @model_validator(mode="after")
    def _check_proxy(self) -> Self:
        """The sign-in through the gateway has all of its settings; another one has none of them."""
        for name in _PROXY:
            if self.login != "proxy" and name in self.model_fields_set:
                raise WrongSetting(name.upper(), "is set, but TOOLBRIDGE_LOGIN is not proxy; remove one")
        for name in _PROXY_NEEDS if self.login == "proxy" else ():
            if getattr(self, name) is None:
                raise WrongSetting(name.upper(), "is not set; TOOLBRIDGE_LOGIN=proxy needs it")
        return self

    @model_validator(mode="after")
    def _check_outbound(self) -> Self:
        """The chosen mode has all of its settings, and no setting of another mode."""
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


class _Rule(NamedTuple):
    """A condition that involves several settings; the first broken one stops the start."""

    name: str
    reason: str
    broken: Callable[[Settings], bool]


def _set_ones(names: Iterable[str], given: Settings) -> list[str]:
    return [name for name in names if getattr(given, name.lower()) is not None]


def _are_set(names: tuple[str, str], given: Settings) -> bool:
    return len(_set_ones(names, given)) == len(names)


def _is_embedded(given: Settings) -> bool:
    return given.login == "embedded"


def _one_source(
    use: Use, remedy: str = "", unless: Callable[[Settings], bool] = lambda _: False
) -> Iterator[_Rule]:
    yield _Rule(
        use.secret,
        f"is not set{remedy}",
        lambda given: not _set_ones(use.sources, given) and not unless(given),
    )
    for one, other in combinations(use.sources, 2):
        reason = f"is set together with {other}; remove one of them"
        yield _Rule(one, reason, partial(_are_set, (one, other)))


_TOGETHER = (
    *_one_source(TENANT),
    *_one_source(
        TOKEN, "; set it, or JWT_JWKS_URL with JWT_ISSUER and JWT_AUDIENCE, or TOOLBRIDGE_LOGIN", _is_embedded
    ),
    _Rule(
        "PUBLIC_URL",
        "is not set; TOOLBRIDGE_LOGIN=embedded and proxy need it, unless TOOLBRIDGE_HOST is this machine",
        lambda given: given.login != "provider" and given.issuer_url is None,
    ),
    _Rule(
        "CLIENT_ADDRESS_HEADER",
        "is set, but no proxy is named in TOOLBRIDGE_TRUSTED_PROXIES; set that too",
        lambda given: given.client_address_header is not None and not given.trusted_proxies,
    ),
    _Rule(
        "AUTHORIZATION_SERVERS",
        "is set, but with this TOOLBRIDGE_LOGIN clients sign in at this gateway; remove one",
        lambda given: given.login != "provider" and bool(given.authorization_servers),
    ),
    _Rule(
        "JWT_JWKS_URL",
        "is set, but TOOLBRIDGE_LOGIN=embedded has keys of its own; remove one",
        lambda given: _is_embedded(given) and given.jwt_jwks_url is not None,
    ),
    _Rule(
        "SIGNATURE",
        "is v1, and TOOLBRIDGE_LOGIN=embedded needs v2",
        lambda given: _is_embedded(given) and given.signature == "v1",
    ),
    _Rule(
        "OUTBOUND_IDENTITY",
        "must be forward with TOOLBRIDGE_LOGIN=embedded: the API itself has made the tokens",
        lambda given: _is_embedded(given) and given.outbound_identity != "forward",
    ),
    _Rule(
        "JWT_ISSUER",
        "is not set; JWT_JWKS_URL needs it",
        lambda given: given.jwt_jwks_url is not None and given.jwt_issuer is None,
    ),
    _Rule(
        "JWT_AUDIENCE",
        "is not set; JWT_JWKS_URL needs it",
        lambda given: given.jwt_jwks_url is not None and not given.jwt_audience,
    ),
    _Rule(
        "METRICS_PORT",
        "is not set; TOOLBRIDGE_METRICS_HOST needs it",
        lambda given: "metrics_host" in given.model_fields_set and given.metrics_port is None,
    ),
    _Rule(
        "BYTE_RATE",
        "allows less than 5000000 bytes at once, and one message may have 4194304",
        lambda given: given.byte_rate is not None and given.byte_rate.burst < 5_000_000,
    ),
    _Rule(
        "MAX_UNREAD_BYTES",
        "must not be less than TOOLBRIDGE_MAX_UNREAD_BYTES_PER_USER",
        lambda given: given.max_unread_bytes < given.max_unread_bytes_per_user,
    ),
    _Rule(
        "SCOPE_WRITE",
        "must differ from TOOLBRIDGE_SCOPE_READ",
        lambda given: given.scope_read == given.scope_write,
    ),
)

_PROXY_NEEDS = ("proxy_config_url", "proxy_client_id", "proxy_client_secret", "proxy_folder", "jwt_jwks_url")
_PROXY = (
    *_PROXY_NEEDS[:3],
    *("proxy_client_authentication", "proxy_token", "proxy_scopes", "proxy_authorize_parameters"),
)
"""The settings of the sign-in through the gateway. `proxy_folder` may stay: where it is, is no decision."""

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
    """The settings of this process. Raises ValidationError, or `WrongSetting` for a likely misspelling of a
    setting, which would otherwise be ignored silently."""
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
    """One sentence for each wrong setting, with the name of its variable and without its value."""
    return "\n".join(_sentence(problem) for problem in error.errors(include_url=False, include_input=False))


def _sentence(problem: ErrorDetails) -> str:
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, WrongSetting):
        return cause.sentence
    name = str(problem["loc"][0]).upper()
    variable = name if name.startswith("TOOLBRIDGE_") else f"TOOLBRIDGE_{name}"
    reason = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
    return f"{variable}: {reason}."
