"""What the gateway serves of the sign-in: OAuth's endpoints, and the pages."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from starlette.routing import Route

from toolbridge_mcp.login.shared import Login
from toolbridge_mcp.settings import Settings
from toolbridge_mcp.web import Address, ToolsetsInAddresses


class Served(NamedTuple):
    """`routes` are for browsers that come here, and `documents` for pages of every site, too."""

    routes: Sequence[Route] = ()
    documents: Sequence[Route] = ()

    @classmethod
    def of(
        cls, settings: Settings, login: Login | None, address: Address, toolsets: ToolsetsInAddresses
    ) -> Self:
        """Nothing without a sign-in. Its parts are imported only where there is one."""
        if login is None:
            return cls()
        from toolbridge_mcp.login.pages import Site, error_page, routes
        from toolbridge_mcp.login.server import AuthorizationServer

        server = AuthorizationServer(settings, login, address, toolsets)
        site = Site.of(settings, login.api)
        pages = [*routes(site, server.authorization), *server.routes(error_page(site))]
        return cls(pages, server.documents())
