"""The two fields of a new password, and what can be wrong with them."""

from collections.abc import Mapping

from toolbridge_mcp.login.failures import LoginError, TooManyAttempts, WeakPassword, WrongRequest
from toolbridge_mcp.login.pages.frame import Problem, field
from toolbridge_mcp.login.pages.shown import text
from toolbridge_mcp.login.pages.site import ERROR_CHARACTERS, RETRY_SECONDS
from toolbridge_mcp.login.pages.texts import say, span
from toolbridge_mcp.markup import Html, joined

NEW, REPEAT = "new", "repeat"


def new_password(problem: Problem | None, *, first: bool = False) -> Html:
    return joined(
        field(
            NEW,
            say("password.new"),
            autocomplete="new-password",
            secret=True,
            hint=say("password.hint"),
            problem=problem,
            first=first,
        ),
        field(REPEAT, say("password.repeat"), autocomplete="new-password", secret=True, problem=problem),
    )


def lack(sent: Mapping[str, str], *names: str) -> Problem | None:
    """What a form with these fields and a new password lacks, before the API is asked."""
    for name in (*names, NEW, REPEAT):
        if not sent.get(name):
            return Problem(say("missing"), name)
    return None if sent[NEW] == sent[REPEAT] else Problem(say("different"), REPEAT)


def refused(error: LoginError) -> tuple[Problem, int, int | None]:
    """What to say of a password that the API did not take, with status and seconds to wait."""
    if isinstance(error, WeakPassword):
        return Problem(text(error.sentence, ERROR_CHARACTERS) or say("weak"), NEW), 400, None
    if isinstance(error, WrongRequest):  # far longer than a password may be
        return Problem(say("weak"), NEW), 400, None
    wait = error.wait_seconds or RETRY_SECONDS
    is_busy = not isinstance(error, TooManyAttempts)
    return Problem(say("busy" if is_busy else "wait", time=span(wait))), 503 if is_busy else 429, wait
