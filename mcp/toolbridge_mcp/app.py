"""The composition root: settings in, a running gateway out."""

import os
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

import httpx
from fastmcp import FastMCP
from starlette.routing import Route

from toolbridge_mcp import __version__, library_seams, logs, metrics
from toolbridge_mcp.auth import Keys, Source, UserTokenVerifier, together
from toolbridge_mcp.client import ApiClient
from toolbridge_mcp.health import health_routes, wait_until_ready
from toolbridge_mcp.http_clients import api_http, outside_http, way_to
from toolbridge_mcp.identity import User, get_access_token, user_of
from toolbridge_mcp.login.served import Served
from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.operator import PrivatePort, Watched
from toolbridge_mcp.outbound import Outbound, outbound_identity
from toolbridge_mcp.prompts import build_prompts, items_named_by
from toolbridge_mcp.resilience import Admission, CallLimits, RateLimit
from toolbridge_mcp.resources import item_templates, readable, recent_items, uris
from toolbridge_mcp.resources.completions import Completions
from toolbridge_mcp.rings import Rings
from toolbridge_mcp.settings import Settings, WrongSetting, from_environment
from toolbridge_mcp.sources import scopes_of, token_sources
from toolbridge_mcp.telemetry import observe, tallies
from toolbridge_mcp.telemetry.trace_settings import trace_settings
from toolbridge_mcp.tools import Deployment, Offers, OnlyUsable, UnknownTool, build_tools, chosen
from toolbridge_mcp.tools.prepared import PreparedResults
from toolbridge_mcp.tools.toolsets import TOOLSETS
from toolbridge_mcp.transport import Signer
from toolbridge_mcp.web import (
    Address,
    AllowedCallers,
    BearerAuthProvider,
    BodyLimits,
    DoorLimits,
    Gateway,
    IssuerMetadata,
    Machine,
    ResourceMetadata,
    Room,
    SessionLimits,
    ShortWay,
    StreamLimits,
    ToolsetsInAddresses,
    UnreadAnswers,
)

if TYPE_CHECKING:
    from toolbridge_mcp.login.proxy import ProxySignIn

PING_SECONDS = 10
"""Proxies cut streams that are silent for a minute or less; clients are promised a comment every 15 s."""


@dataclass(frozen=True)
class _Dependencies:
    """The objects that the FastMCP server and the HTTP application share."""

    outside: httpx.AsyncClient
    """Speaks to the identity provider."""

    rings: Rings
    outbound: Outbound
    signer: Signer
    client: ApiClient
    sources: Sequence[Source]
    """Whose tokens are accepted."""

    keys: Keys
    """Those of all sources."""

    login: Login | None
    limits: CallLimits
    toolsets: ToolsetsInAddresses
    api_wait: Callable[[], float]
    """How many seconds a start may wait for the API."""

    def cautions(self) -> list[str]:
        """What will become a problem. Empty if nothing will."""
        return [*self.client.cautions(), *self.rings.warnings()]

    @classmethod
    def of(
        cls,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        api_wait: Callable[[], float] | None = None,
        rings: Rings | None = None,
    ) -> Self:
        rings = rings or Rings.of(settings)
        outside = outside_http(settings)
        outbound = outbound_identity(settings, outside)
        signer = Signer.of(settings, rings.tenant)
        login = Login.of(settings, signer)
        client = ApiClient(
            lambda: api_http(settings, signer, outbound, transport),
            signer,
            _api_user(settings),
            login.keys.look if login else lambda: None,
        )
        toolsets = ToolsetsInAddresses(TOOLSETS)
        wait = api_wait or (lambda: settings.api_wait_seconds)
        sources = token_sources(settings, rings.token, outside, login)
        keys = together([source.keys for source in sources])
        metrics.watch_keys(lambda: keys.number, lambda: keys.age)
        if login:
            metrics.watch_login(lambda: login.keys.age)
        metrics.watch_secrets(rings.ages, rings.problems)
        limits = _limits(settings)
        return cls(outside, rings, outbound, signer, client, sources, keys, login, limits, toolsets, wait)


def create_server(settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> FastMCP:
    """The gateway as a FastMCP server. `transport` stands in for the connection to the API in tests."""
    shared = _Dependencies.of(settings, transport)
    address = Address(settings.public_url)
    auth = BearerAuthProvider(UserTokenVerifier(*shared.sources), address, shared.toolsets)
    return _server(settings, shared, auth, _offers(settings, shared))


def create_app(
    settings: Settings | None = None,
    api_wait: Callable[[], float] | None = None,
    rings: Rings | None = None,
) -> Gateway:
    """The ASGI application for the process manager; settings come from the environment if not given, and the
    keys from the settings. Nothing is opened before it starts. `api_wait` says how long a start may wait for
    the API, if not the settings."""
    settings = settings or from_environment()
    logs.configure(
        settings.log_level,
        settings.tenant_id,
        as_text=settings.log_format == "text",
        hashes_subjects=settings.log_subjects == "hashed",
    )
    library_seams.turn_off_telemetry()
    library_seams.keep_streams_open(PING_SECONDS)
    shared = _Dependencies.of(settings, api_wait=api_wait, rings=rings)
    address = Address(settings.public_url)
    answers = UnreadAnswers(settings.max_unread_bytes, settings.max_unread_bytes_per_user)
    session_limits = SessionLimits(settings.max_sessions, settings.max_sessions_per_user)
    verifier = UserTokenVerifier(*shared.sources)
    proxy = _proxy(settings, shared, address, verifier)
    if proxy:
        shared = replace(shared, keys=proxy.keys)
    auth = BearerAuthProvider(proxy.tokens if proxy else verifier, address, shared.toolsets)
    offers = _offers(settings, shared)
    server = _server(settings, shared, auth, offers, proxy)
    served = Served.of(settings, shared.login, address, shared.toolsets)
    if proxy:
        served = Served(proxy.pages(), proxy.endpoints())
    gateway = Gateway(
        server,
        address,
        auth=auth,
        short_way=_short_way(settings, server, offers),
        callers=AllowedCallers(address, settings.every_host, settings.allowed_origins),
        toolsets=shared.toolsets,
        calls=shared.limits,
        session_limits=session_limits,
        stream_limits=StreamLimits(
            idle=settings.stream_idle_seconds,
            expired=settings.expired_stream_seconds,
            stalled=settings.stalled_stream_seconds,
        ),
        answers=answers,
        idle_seconds=settings.session_idle_seconds,
        door=_door_limits(settings),
        machine=Machine(settings.machine_id),
        routes=[*_open_routes(settings, shared), *served.routes],
        documents=[*_documents(settings, address, shared), *served.documents],
    )
    metrics.watch_held("unread_bytes", lambda: answers.total, settings.max_unread_bytes)
    metrics.watch_held("sessions", lambda: session_limits.total, settings.max_sessions)
    metrics.watch_sessions("sse", lambda: gateway.sse_sessions)
    metrics.watch_sessions("http", lambda: gateway.http_sessions)
    return gateway


def _proxy(
    settings: Settings, shared: _Dependencies, address: Address, verifier: UserTokenVerifier
) -> "ProxySignIn | None":
    """The sign-in through FastMCP's proxy, if it is wanted. Only then it is imported."""
    if settings.login != "proxy":
        return None
    from toolbridge_mcp.login.proxy import ProxySignIn
    from toolbridge_mcp.login.resources import Resources

    issuer = settings.issuer_url or ""
    return ProxySignIn(
        settings,
        outside=shared.outside,
        tenant_keys=shared.rings.tenant,
        keys=shared.keys,
        verifier=verifier,
        resources=Resources(issuer, address, settings.every_host, shared.toolsets),
    )


def _short_way(settings: Settings, server: FastMCP, offers: Offers) -> ShortWay:
    stamp = library_seams.stamp(server)
    prepared = PreparedResults(
        offers,
        partial(library_seams.written_tools, stamp),
        partial(library_seams.written_discovery, server, stamp),
    )
    return ShortWay(offers.call, stamp, prepared, is_on=settings.short_way)


def _open_routes(settings: Settings, shared: _Dependencies) -> list[Route]:
    """The routes for programs that have no token."""
    routes = health_routes(
        shared.client,
        shared.keys,
        lambda: shared.limits.is_closed,
        shared.cautions,
        embedded=shared.login is not None,
    )
    if settings.public_url is None:
        routes.append(metrics.metrics_route())
    return routes


def _documents(settings: Settings, address: Address, shared: _Dependencies) -> list[Route]:
    """The documents that clients read before they have a token."""
    routes = ResourceMetadata(address, scopes_of(settings), settings.issuers, shared.toolsets).routes()
    for issuer in settings.provider_issuers[:1]:
        routes += IssuerMetadata(issuer, shared.outside).routes()
    return routes


def _server(
    settings: Settings,
    shared: _Dependencies,
    auth: BearerAuthProvider,
    offers: Offers,
    proxy: "ProxySignIn | None" = None,
) -> FastMCP:
    @asynccontextmanager
    async def lifespan(_: FastMCP) -> AsyncIterator[None]:
        used = (traced(), shared.outside, shared.outbound, shared.client, signing_in(), private.listening())
        telling = logs.telling_refusals(metrics.refusals)
        async with AsyncExitStack() as stack:
            stack.enter_context(shared.rings.kept())
            for part in (*used, telling):
                await stack.enter_async_context(part)
            await wait_until_ready(shared.client, shared.keys, shared.api_wait(), embedded=login is not None)
            yield

    traced, login = _tracing(settings), shared.login
    signing_in = proxy.running if proxy else login.kept if login else nullcontext
    private = PrivatePort(settings, shared.signer, _watched(shared))
    metrics.describe_build(__version__)
    observe(tallies.add)
    observe(logs.log_call)
    server: FastMCP = FastMCP(
        "ToolBridge",
        version=__version__,
        auth=auth,
        lifespan=lifespan,
        middleware=[OnlyUsable(offers)],
        on_duplicate="error",
        mask_error_details=True,
        dereference_schemas=False,
    )
    library_seams.publish_input_schemas(server, offers.schema)
    library_seams.advertise_what_is_there(server)
    _add_resources_and_prompts(server, settings, shared, offers.names)
    return server


def _tracing(settings: Settings) -> Callable[[], AbstractAsyncContextManager[None]]:
    """What makes traces while the gateway serves, if they are wanted. Only then OpenTelemetry's SDK is
    imported, before the process that serves is forked."""
    given = trace_settings(os.environ)
    if given is None:
        return nullcontext
    from toolbridge_mcp.telemetry.tracing import Tracing

    proxy, certificates = way_to(given.endpoint)
    api = httpx.URL(settings.go_api_base_url)
    return Tracing(
        given,
        version=__version__,
        tenant=settings.tenant_id,
        api=(api.host, api.port or (443 if api.scheme == "https" else 80)),
        resources=uris(),
        proxy=proxy,
        certificates=certificates,
    ).running


def _watched(shared: _Dependencies) -> Watched:
    client = shared.client
    return Watched(
        is_stopping=lambda: shared.limits.is_closed,
        is_cut_off=lambda: client.is_cut_off,
        warning=lambda: client.warning,
        cautions=shared.cautions,
        disagreements=client.disagreements,
    )


def _add_resources_and_prompts(
    server: FastMCP, settings: Settings, shared: _Dependencies, tools: Collection[str]
) -> None:
    """Whatever these tools, by their names, can read or act on. What is empty is not advertised."""
    client, limits, scope = shared.client, shared.limits, settings.scope_read
    entities = readable(tools)
    templates = item_templates(client, limits, tools=tools, scope=scope)
    lists = recent_items(client, limits, tools=tools, scope=scope)
    prompts = build_prompts(client, limits, entities=entities, tools=tools, scope=scope)
    names = [*(template.name for template in templates), *(resource.name for resource in lists)]
    metrics.declare(tools, names, [prompt.name for prompt in prompts])
    for template in templates:
        server.add_template(template)
    for resource in lists:
        server.add_resource(resource)
    for prompt in prompts:
        server.add_prompt(prompt)
    if templates:
        named = items_named_by(prompts)
        completions = Completions(client, limits, scope, templates=entities, prompts=named)
        server.add_completion_handler(completions.complete)
    library_seams.withdraw(server, resources=not templates and not lists, prompts=not prompts)


def _offers(settings: Settings, shared: _Dependencies) -> Offers:
    toolsets = [name.lower() for name in settings.toolsets]
    if unknown := sorted(set(toolsets) - set(TOOLSETS)):
        raise WrongSetting("TOOLSETS", f"names {unknown[0]}, which is none of {', '.join(TOOLSETS)}")
    tools = build_tools(
        shared.client,
        shared.limits,
        read_scope=settings.scope_read,
        write_scope=settings.scope_write,
        zone=ZoneInfo(settings.timezone) if settings.timezone else None,
        deployment=Deployment(settings.tenant_id, shared.limits, toolsets),
    )
    try:
        allowed = chosen(tools, names=settings.tools, read_only=settings.read_only)
    except UnknownTool as error:
        raise WrongSetting(
            "TOOLS", f"names {error}, which is neither a tool, a toolset nor the plural of an entity"
        ) from error
    offers = Offers(allowed, toolsets, shared.client)
    if not offers.default.tools:
        raise WrongSetting("TOOLSETS", "has no tool that TOOLBRIDGE_TOOLS and TOOLBRIDGE_READ_ONLY allow")
    return offers


def _api_user(settings: Settings) -> Callable[[], User | None]:
    """Names the user that the API sees: with client_credentials it is always the same one."""
    if settings.outbound_identity == "client_credentials":
        return lambda: None
    return lambda: user_of(get_access_token())


def _limits(settings: Settings) -> CallLimits:
    admission = Admission(settings.max_calls, settings.max_calls_per_user)
    rate_limit = RateLimit(*settings.rate_limit) if settings.rate_limit else None
    metrics.watch_calls(lambda: admission.running, lambda: admission.waiting)
    metrics.watch_held("calls", lambda: admission.running, settings.max_calls)
    metrics.watch_limited(lambda: rate_limit.exhausted if rate_limit else 0)
    return CallLimits(admission, rate_limit=rate_limit, call_seconds=settings.call_seconds)


def _door_limits(settings: Settings) -> DoorLimits:
    bodies = BodyLimits(
        number=Room(settings.max_bodies, settings.max_bodies_per_user),
        size=Room(settings.max_body_bytes, settings.max_body_bytes_per_user),
        rate=RateLimit(*settings.byte_rate) if settings.byte_rate else None,
        seconds=settings.body_seconds,
    )
    bodies.watch()
    messages = RateLimit(*settings.message_rate) if settings.message_rate else None
    return DoorLimits(messages, bodies, settings.call_seconds)
