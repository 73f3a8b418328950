"""What the tests' authorization server grants, and to whom: Authlib's grants over a few dictionaries."""

import json
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer as Authlib
from authlib.oauth2.rfc6749 import ClientMixin, InvalidRequestError, UnauthorizedClientError, grants
from authlib.oauth2.rfc6749.grants.base import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

if TYPE_CHECKING:
    from tests.harness.authorization_server import AuthorizationServer

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
METHODS = ["none", "client_secret_basic", "client_secret_post"]
SCOPES = ["read", "write"]


def own_name(scope: str) -> str:
    """The name that a token carries. As at Entra ID, a request may put the API's address before it."""
    return scope.rpartition("/")[2]


@dataclass(frozen=True)
class Subject:
    """A user as a grant knows them, and the audience and scope that they granted."""

    sub: str
    audience: str
    scope: str = ""

    def get_user_id(self) -> str:
        return self.sub


@dataclass(frozen=True)
class Registration(ClientMixin):
    client_id: str
    secret: str
    method: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...] = ()

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if self.redirect_uris else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(word for word in (scope or " ".join(SCOPES)).split() if own_name(word) in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in (
            self.method,
            "client_secret_post" if self.secret else "none",
        )

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


@dataclass(frozen=True)
class Code:
    client_id: str
    redirect_uri: str
    subject: Subject
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.subject.scope


@dataclass(frozen=True)
class Refresh:
    token: str
    client_id: str
    subject: Subject

    def check_client(self, client: Registration) -> bool:
        return client.client_id == self.client_id

    def get_scope(self) -> str:
        return self.subject.scope


def audience(user: Subject | None) -> str:
    """What the request asks for (RFC 8707, RFC 8693), else what was granted before."""
    asked = request.values.get("resource") or request.values.get("audience")
    return asked or (user.audience if user else "default")


def authlib_server(state: "AuthorizationServer") -> Authlib:
    oauth = Authlib(Flask(__name__), state.clients.get, lambda *_: None)

    class Tokens(JWTBearerTokenGenerator):
        def get_jwks(self) -> Any:
            return KeySet([state.keys[-1]])

        def access_token_generator(
            self, client: Registration, grant_type: str, user: Subject | None, scope: str | None
        ) -> Any:
            names = " ".join(own_name(word) for word in (scope or "").split())
            return super().access_token_generator(client, grant_type, user, names)

        def get_audiences(self, _: Registration, user: Subject | None, __: str) -> str:
            return audience(user)

    class AuthorizationCode(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload.data
            state.codes[code] = Code(
                request.client.client_id,
                request.payload.redirect_uri,
                replace(request.user, scope=request.scope),
                asked["code_challenge"],
                asked["code_challenge_method"],
            )

        def query_authorization_code(self, code: str, client: Registration) -> Code | None:
            found = state.codes.get(code)
            return found if found and found.client_id == client.client_id else None

        def delete_authorization_code(self, authorization_code: Code) -> None:
            state.codes = {code: kept for code, kept in state.codes.items() if kept != authorization_code}

        def authenticate_user(self, authorization_code: Code) -> Subject:
            return authorization_code.subject

    class RefreshToken(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
            return state.refreshes.get(refresh_token)

        def authenticate_user(self, refresh_token: Refresh) -> Subject:
            return refresh_token.subject

        def revoke_old_credential(self, refresh_token: Refresh) -> None:
            del state.refreshes[refresh_token.token]

    class ClientCredentials(grants.ClientCredentialsGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    class TokenExchange(_TokenExchange):
        server_state = state

    class Registering(ClientRegistrationEndpoint):
        def authenticate_token(self, _: Any) -> object:
            return "open"

        def get_server_metadata(self) -> dict[str, Any]:
            return state.metadata()

        def generate_client_info(self, request: Any) -> dict[str, Any]:
            info: dict[str, Any] = super().generate_client_info(request)
            if request.payload.data.get("token_endpoint_auth_method") == "none":
                info = {"client_id": info["client_id"]}
            return info

        def save_client(self, client_info: Any, client_metadata: Any, _: Any) -> Registration:
            client = Registration(
                client_info["client_id"],
                client_info.get("client_secret", ""),
                client_metadata.get("token_endpoint_auth_method", "client_secret_basic"),
                tuple(client_metadata.get("grant_types", ["authorization_code"])),
                tuple(client_metadata["redirect_uris"]),
            )
            state.clients[client.client_id] = client
            return client

    class Issuer(IssuerParameter):
        def get_issuer(self) -> str:
            return state.issuer

    def new_refresh_token(client: Registration, user: Subject, scope: str, **_: Any) -> str:
        token = secrets.token_urlsafe(32)
        granted = replace(user, audience=audience(user), scope=scope)
        state.refreshes[token] = Refresh(token, client.client_id, granted)
        return token

    oauth.register_token_generator(
        "default",
        Tokens(state.issuer, state.algorithm, new_refresh_token, lambda *_: state.lifetime),
    )
    oauth.register_grant(AuthorizationCode, [CodeChallenge(required=True)])
    for grant in (RefreshToken, ClientCredentials, TokenExchange):
        oauth.register_grant(grant)
    oauth.register_endpoint(Registering)
    oauth.register_extension(lambda server: Issuer()(server))
    return oauth


SUBJECT_TYPES = {f"urn:ietf:params:oauth:token-type:{kind}" for kind in ("access_token", "id_token")}


class _TokenExchange(BaseGrant, TokenEndpointMixin):
    """RFC 8693, as far as the gateway uses it: an own token, or one of somebody trusted, for one with another
    audience."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    server_state: "AuthorizationServer"

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        if not self.request.client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError
        form = self.request.form
        if form.get("subject_token_type") not in SUBJECT_TYPES:
            raise InvalidRequestError("subject_token_type")
        self.request.user = self._subject_of(form.get("subject_token", ""))
        self.validate_requested_scope()

    def _subject_of(self, token: str) -> Subject:
        state = self.server_state
        try:
            issuer = json.loads(extract_compact(token.encode()).payload)["iss"]
            keys = KeySet(state.keys)
            if issuer in state.trusts:
                keys = KeySet.import_key_set(httpx.get(state.trusts[issuer], trust_env=False).json())
            decoded = jwt.decode(token, keys, algorithms=[state.algorithm])
            jwt.JWTClaimsRegistry(iss={"values": [state.issuer, *state.trusts]}).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise InvalidRequestError("the subject token is not valid") from error
        return Subject(decoded.claims["sub"], decoded.claims["aud"], decoded.claims.get("scope", ""))

    def create_token_response(self) -> Any:
        scope = self.request.payload.scope or self.request.user.scope
        token = self.generate_token(user=self.request.user, scope=scope, include_refresh_token=False)
        token["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        return 200, token, self.TOKEN_RESPONSE_HEADER
