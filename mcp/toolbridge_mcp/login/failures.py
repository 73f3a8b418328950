"""Why the API does not do what a page, an OAuth request or a command wants of it."""

from collections.abc import Mapping


class LoginError(Exception):
    """`sentence` is the API's own, for people; it may be empty."""

    def __init__(self, sentence: str = "", wait_seconds: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.wait_seconds = wait_seconds
        """How long the API asks to wait before another attempt."""


class SignInRefused(LoginError):
    """The name or the password is wrong, or the account may not sign in: nobody is told which."""


class Unknown(LoginError):
    """What a secret or an id names is not there: unknown, used up, expired or ended."""


class Exists(LoginError):
    """The name or the subject is taken."""


class Full(LoginError):
    """There are as many as there may be."""


class WeakPassword(LoginError):
    """The sentence says what the password lacks."""


class TooManyAttempts(LoginError):
    """Somebody has tried too often. `wait_seconds` says when to try again."""


class WrongRequest(LoginError):
    """The API does not take the request: its sentence says why."""


class TenantRefused(LoginError):
    """The API does not accept the signature."""


class LoginOff(LoginError):
    """The API has no sign-in: it is another product's or older, or its LOGIN is not embedded."""


class LoginUnavailable(LoginError):
    """The API was not reached, gave no answer in time, or failed. What was to be done may have been done."""


CODES: Mapping[str, type[LoginError]] = {
    "sign_in_refused": SignInRefused,
    "login_unknown": Unknown,
    "login_exists": Exists,
    "login_full": Full,
    "weak_password": WeakPassword,
    "rate_limited": TooManyAttempts,
    "invalid_tenant": TenantRefused,
    "route_not_found": LoginOff,
}
"""What the API's error codes mean. A code below 500 that is not here is a `WrongRequest`."""
