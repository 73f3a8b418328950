"""What the API's routes for signing in answer. Times are Unix seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Purpose = Literal["invitation", "reset"]
"""What a link is for: the first sign-in, or a new password."""


class Answer(BaseModel):
    """Members that this version does not know are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="ignore", hide_input_in_errors=True
    )


class Nothing(Answer):
    """An answer that says no more than that it was done."""


class Account(Answer):
    """`name` is what the user types, `shown` what others see, and `subject` the `sub` of the tokens."""

    id: str
    name: str
    shown: str
    subject: str
    state: Literal["invited", "active", "disabled"]
    created_at: float
    password_at: float | None = None
    last_sign_in_at: float | None = None
    connections: int = 0
    locked_until: float | None = None


class Link(Answer):
    token: str = Field(repr=False)
    expires_at: float


class AccountFound(Answer):
    account: Account


class AccountWithLink(Answer):
    account: Account
    link: Link


class Accounts(Answer):
    """A page of accounts, by name. `next` is the place of the following page; None on the last one."""

    accounts: Sequence[Account]
    next: str | None = None


class LinkRead(Answer):
    account: Account
    purpose: Purpose
    expires_at: float


class SessionBegun(Answer):
    """`browser` names the browser at its next sign-in, so that nobody else can lock the user out of it."""

    session: str = Field(repr=False)
    account: Account
    browser: str = Field(default="", repr=False)


class SessionRead(Answer):
    account: Account
    created_at: float
    expires_at: float


class CodeIssued(Answer):
    code: str = Field(repr=False)


class CodeRead(Answer):
    client_id: str
    redirect_uri: str
    redirect_uri_given: bool
    challenge: str
    scopes: list[str]
    resource: str | None = None
    subject: str
    expires_at: float


class RefreshRead(Answer):
    client_id: str
    scopes: list[str]
    resource: str | None = None
    subject: str
    expires_at: float


class Tokens(Answer):
    """A service gets no refresh token."""

    access_token: str = Field(repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    expires_in: int
    scopes: list[str]
    subject: str


class Client(Answer):
    """A client as the user sees it: `host` is where it is, or where the answers to it go."""

    id: str
    name: str
    host: str


class Connection(Answer):
    """What one client may do for one user, since when. `id` is the `sid` of its tokens."""

    id: str
    client: Client
    scopes: list[str]
    created_at: float
    used_at: float | None = None


class Connections(Answer):
    connections: Sequence[Connection]


class Service(Answer):
    id: str
    name: str
    scopes: list[str]
    created_at: float
    used_at: float | None = None
    state: str


class ServiceFound(Answer):
    service: Service


class ServiceAdded(Answer):
    service: Service
    secret: str = Field(repr=False)


class Services(Answer):
    services: Sequence[Service]


class SigningKey(Answer):
    id: str
    state: str
    made_at: float


class SigningKeys(Answer):
    keys: Sequence[SigningKey]


class Revocation(Answer):
    """The tokens of one connection (`sid`), or those of one subject (`sub`) that were made at `before` or
    earlier, are not accepted. It ends at `until`, when the last of them has expired."""

    sid: str | None = None
    sub: str | None = None
    before: float | None = None
    until: float


class State(Answer):
    """What the gateway has to know to check tokens. `keys` are in the form of RFC 7517."""

    keys: Sequence[Mapping[str, Any]]
    seal: str = Field(repr=False)
    revoked: Sequence[Revocation] = ()
    accounts: int = 0
