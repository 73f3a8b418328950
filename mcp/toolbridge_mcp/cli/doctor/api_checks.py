"""Checks of the API, as the gateway reaches it."""

import secrets
from collections.abc import Mapping

import httpx
from pydantic import ValidationError

from toolbridge_mcp.cli.doctor.visit import Failed, NotChecked, Visit
from toolbridge_mcp.client.clocks import APART_SECONDS, seconds_ahead
from toolbridge_mcp.client.description import ServerInfo, SessionDocument
from toolbridge_mcp.contract import mismatches
from toolbridge_mcp.entities import ENTITIES
from toolbridge_mcp.errors import AnswerTooLong, TokenServiceRefused, TokenServiceUnavailable, ToolBridgeError
from toolbridge_mcp.outbound import is_about_the_tenant
from toolbridge_mcp.transport import AnswerLost, Signer
from toolbridge_mcp.uses import TENANT, TOKEN

NEEDS_TOKEN = "needs a user's token: give --token or TOOLBRIDGE_TOKEN"  # noqa: S105  a sentence


async def reachable(visit: Visit) -> str:
    where = visit.settings.go_api_base_url
    try:
        visit.api_answer = await visit.api.get("/readyz")
    except ToolBridgeError:
        raise Failed(
            f"nothing answers at {where}; start the API, or correct TOOLBRIDGE_GO_API_BASE_URL."
        ) from None
    except AnswerLost:
        raise Failed(f"{where} does not answer as the API does; look at what listens there.") from None
    if visit.api_answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Failed("the API runs but is not ready; look at its log, first of all for its database.")
    if visit.api_answer.status_code not in {200, 404}:  # the first generation has no /readyz
        raise Failed(
            f"{where} answers {visit.api_answer.status_code} to /readyz; look at what listens there."
        )
    await _describe(visit)
    return where


async def _describe(visit: Visit) -> None:
    """Lets the signer know what the API says of itself, as the gateway does before its first call."""
    try:
        answer = await visit.api.get("/v1/sync/info")
        visit.signer.described(ServerInfo.model_validate_json(answer.content).signatures)
    except (ToolBridgeError, AnswerLost, ValidationError):
        return  # a later check says so


async def clocks_agree(visit: Visit) -> str:
    difference = seconds_ahead(visit.api_answer.headers.get("Date", ""), visit.now())
    if difference is None:
        raise NotChecked("the API does not say its time")
    seconds = abs(round(difference))
    if seconds >= visit.signer.window_seconds:
        ahead = "ahead of" if difference > 0 else "behind"
        raise Failed(
            f"this clock is {seconds} s {ahead} the API's and {visit.signer.window_seconds} s is the most "
            "that signatures allow; set the clocks by NTP."
        )
    return f"{seconds} s apart" + ("; set the clocks by NTP" if seconds >= APART_SECONDS else "")


async def token_service(visit: Visit) -> str:
    if visit.settings.outbound_identity == "forward":
        raise NotChecked("not in use: TOOLBRIDGE_OUTBOUND_IDENTITY is forward")
    if visit.caller() is None:
        raise NotChecked(NEEDS_TOKEN)
    try:
        await visit.outbound.bearer_token()
    except TokenServiceUnavailable:
        raise Failed(
            "it does not answer or fails; see that it runs, or correct TOOLBRIDGE_TOKEN_URL."
        ) from None
    except TokenServiceRefused:
        raise Failed("it refuses the given token; get a new one that it issued itself.") from None
    except ToolBridgeError:
        raise Failed(
            "it gives this gateway no token; correct TOOLBRIDGE_CLIENT_ID, TOOLBRIDGE_CLIENT_SECRET and "
            "TOOLBRIDGE_OUTBOUND_AUDIENCE, and see what it allows this client."
        ) from None
    return ""


async def token_understood(visit: Visit) -> str:
    """The API checks the token before the tenant's signature, so one request shows both."""
    if visit.caller() is None:
        raise NotChecked(NEEDS_TOKEN)
    visit.session_answer = answer = await _open_session(visit)
    if answer.status_code == httpx.codes.UNAUTHORIZED and not is_about_the_tenant(
        answer.status_code, answer.content
    ):
        raise Failed(
            f"the API refuses the token; get a new one if it has expired, else give the API the same "
            f"{_verified_by(visit)} as the tokens are made with."
        )
    return ""


async def tenant_accepted(visit: Visit) -> str:
    """An item route with the gateway's signature must work; with a wrong one it must not, or the API checks
    none and the first answer proves nothing."""
    for problem in visit.signer.problems():
        raise Failed(problem)
    if visit.session_answer is None:
        raise NotChecked(NEEDS_TOKEN)
    session = _session(visit, visit.session_answer)
    answer = await _first_page(visit.signed_api, session)
    _expect_success(visit, answer, "a list")
    if not await _refuses(visit, session, visit.signer.another(secret=secrets.token_bytes())):
        raise NotChecked(
            "the API answers to a wrong signature as well, so it checks none; "
            f"if it can, give it the {_signed_by(visit)} of this gateway."
        )
    says = f"{visit.settings.tenant_id}, by a signature of {visit.signer.version}"
    if not await _refuses(visit, session, visit.signer.another(tenant_id=f"not-{visit.settings.tenant_id}")):
        return f"{says}; but the API accepts any tenant that this secret signs for"
    return says


def _session(visit: Visit, answer: httpx.Response) -> Mapping[str, str]:
    """The headers that name a session which the API has opened."""
    _expect_success(visit, answer, "a new session")
    try:
        opened = SessionDocument.model_validate_json(answer.content)
    except ValidationError:
        raise Failed("the API opens sessions in a way of its own; look at what listens there.") from None
    return {"X-Sync-Session": opened.id, "X-Sync-Epoch": str(opened.epoch)}


async def _first_page(api: httpx.AsyncClient, session: Mapping[str, str]) -> httpx.Response:
    try:
        return await api.get(f"/v1/{ENTITIES[0].plural}?limit=1", headers=session)
    except AnswerTooLong:  # a large item; who may read it was let in
        return httpx.Response(httpx.codes.OK)
    except (ToolBridgeError, AnswerLost):
        raise Failed("the API stopped answering; look at its log.") from None


async def _refuses(visit: Visit, session: Mapping[str, str], signer: Signer) -> bool:
    async with visit.api_signed(signer) as api:
        return not (await _first_page(api, session)).is_success


def _expect_success(visit: Visit, answer: httpx.Response, what: str) -> None:
    if answer.is_success:
        return
    if _is_about_the_tenant(answer) and answer.status_code == httpx.codes.FORBIDDEN:
        raise Failed(
            f"the API does not count this user to the tenant {visit.settings.tenant_id}; correct TENANT_ID, "
            "or give a token of a member."
        )
    if _is_about_the_tenant(answer):
        raise Failed(
            "the API refuses the tenant's signature; give gateway and API the same TENANT_ID and "
            f"{_signed_by(visit)}."
        )
    raise Failed(f"the API answers {answer.status_code} to {what}; look at its log.")


async def contract_agrees(visit: Visit) -> str:
    try:
        answer = await visit.api.get("/v1/sync/info")
        info = ServerInfo.model_validate_json(answer.content)
    except (ToolBridgeError, AnswerLost, ValidationError):
        raise Failed(
            "the API does not describe itself at /v1/sync/info; look at what listens there."
        ) from None
    differences = mismatches(ENTITIES, info)
    if differences:
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        raise Failed(f"{differences[0]}{more} Deploy gateway and API of one version.")
    if info.first_generation:
        return (
            f"the first generation, which describes nothing: only the names of {len(info.entities)} "
            "entities were compared"
        )
    return f"{len(info.entities)} entities"


async def _open_session(visit: Visit) -> httpx.Response:
    try:
        return await visit.signed_api.post("/v1/sync/sessions")
    except (ToolBridgeError, AnswerLost):
        raise Failed("the API stopped answering; look at its log.") from None


def _signed_by(visit: Visit) -> str:
    return visit.settings.sources(TENANT)[0]


def _verified_by(visit: Visit) -> str:
    keys = next(iter(visit.settings.sources(TOKEN)), TOKEN.instead[0])
    return f"{keys}, JWT_ISSUER, JWT_AUDIENCE and TENANT_CLAIM"


def _is_about_the_tenant(answer: httpx.Response) -> bool:
    return is_about_the_tenant(answer.status_code, answer.content)
