"""The pages of the sign-in: made here, without script, and complete in themselves."""

from starlette.routing import Route

from toolbridge_mcp.login.authorization import Authorization
from toolbridge_mcp.login.pages.connections import Connections
from toolbridge_mcp.login.pages.consent import Consent
from toolbridge_mcp.login.pages.invitation import Invitation
from toolbridge_mcp.login.pages.password import Password
from toolbridge_mcp.login.pages.returning import error_page
from toolbridge_mcp.login.pages.sign_in import SignIn
from toolbridge_mcp.login.pages.sign_out import SignOut
from toolbridge_mcp.login.pages.site import Site

__all__ = ["Site", "error_page", "routes"]


def routes(site: Site, authorization: Authorization) -> list[Route]:
    """A route for each page."""
    parts = (SignIn, Invitation, Password, Connections, SignOut)
    return [
        *(route for part in parts for route in part(site).routes()),
        *Consent(site, authorization).routes(),
    ]
