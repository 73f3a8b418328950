"""Where the client library of Python keeps its tokens."""

from mcp.shared.auth import OAuthClientInformationFull, OAuthToken


class ClientMemory:
    """It is the library's `TokenStorage`, and forgets all with the test."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info
