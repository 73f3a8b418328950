"""Deleting the items of a user. The API deletes nothing for anybody but the user, so this signs in as one,
by a link as an operator can make one."""

import secrets

import httpx

from toolbridge_mcp.cli.failures import Failure
from toolbridge_mcp.cli.sign_in.desk import Desk
from toolbridge_mcp.cli.sign_in.tables import printable
from toolbridge_mcp.errors import ToolBridgeError
from toolbridge_mcp.login.answers import Account, Client
from toolbridge_mcp.transport import AnswerLost, TenantTransport

HERE = "127.0.0.1"
COMMAND = Client(id="toolbridge-user-remove", name="toolbridge user remove --items", host=HERE)
SECONDS = 60
"""Of the token. It is used once, at once."""

FAILED = "The items of {name} were not deleted ({why}), so the user was not removed either. Try again."


async def delete(desk: Desk, user: Account) -> None:
    """Deletes all that the user has, and leaves a user who has to choose a new password. Raises `Failure`."""
    token = await _token(desk, user)
    transport = TenantTransport.of(desk.settings, desk.signer)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url=desk.settings.go_api_base_url, headers=headers, trust_env=False
    ) as http:
        try:
            opened = (await http.post("/v1/sync/sessions")).raise_for_status().json()
            session = {"X-Sync-Session": opened["id"], "X-Sync-Epoch": str(opened["epoch"])}
            answer = await http.post("/v1/sync/wipe", json={"confirm": "WIPE"}, headers=session)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            why = f"the API answers {error.response.status_code}"
            raise Failure(FAILED.format(name=printable(user.name), why=why)) from None
        except (ToolBridgeError, AnswerLost, httpx.HTTPError) as error:
            why = "the API does not answer"
            raise Failure(FAILED.format(name=printable(user.name), why=why)) from error


async def _token(desk: Desk, user: Account) -> str:
    api = desk.api
    if user.state == "disabled":
        await api.enable(user.id)
    link = (await api.new_link(user.id, "reset")).link.token
    begun = await api.redeem_link(link, password=secrets.token_urlsafe(), address=HERE)
    code = await api.issue_code(
        begun.session,
        client=COMMAND,
        redirect_uri=f"http://{HERE}/",
        redirect_uri_given=False,
        challenge=secrets.token_urlsafe(32),
        scopes=[desk.settings.scope_read, desk.settings.scope_write],
        resource=None,
    )
    tokens = await api.redeem_code(
        code, client_id=COMMAND.id, issuer=desk.address, audience=desk.address, lifetime=SECONDS
    )
    return tokens.access_token
