"""Signing in at an identity provider that registers no clients (`TOOLBRIDGE_LOGIN=proxy`), through FastMCP's
`OIDCProxy`.

FastMCP gives each client tokens of its own, which name the provider's tokens in an encrypted folder. A token
of FastMCP goes no further than the gateway: it is swapped for the provider's, which is verified as any other,
says who the user is, and is what the API receives.
"""

from toolbridge_mcp.login.proxy.sign_in import ProxySignIn

__all__ = ["ProxySignIn"]
