"""Every text of the pages, by its key. A translation is another table like `TEXTS`, and its `LANGUAGE`."""

from collections.abc import Mapping
from string import Formatter

from toolbridge_mcp.markup import Html, joined

LANGUAGE = "en"

TEXTS: Mapping[str, str] = {
    # around every page
    "title": "{page} - {product}",
    "title.problem": "Problem: {page} - {product}",
    "skip": "To the content",
    "nav": "Your account",
    "nav.connections": "Connected clients",
    "nav.password": "Change password",
    "nav.sign_out": "Sign out",
    "who": "Signed in as {shown} ({name})",
    "who.short": "Signed in as {name}",
    "problem": "There is a problem",
    "again": "Try again",
    # fields
    "name": "User name",
    "password": "Password",
    "password.current": "Current password",
    "password.new": "New password",
    "password.repeat": "New password, once more",
    "password.hint": "12 to 256 characters. Several words in a row are easy to keep and hard to guess.",
    # clients
    "client.name": "Calls itself {name}",
    "client.no_name": "A client without a name",
    # sign in
    "sign_in.title": "Sign in",
    "sign_in.to_connect": "Sign in to decide whether a client may use your account.",
    "sign_in.submit": "Sign in",
    "sign_in.help": "No account, or the password is lost? Ask the person who runs {product} here for a link.",
    # invitation, and a link for a new password
    "invitation.title": "Welcome to {product}",
    "invitation.text": "Choose a password for your account. This link works once.",
    "invitation.submit": "Set password and sign in",
    "reset.title": "Choose a new password",
    "reset.text": "This ends your other sign-ins and disconnects all clients. This link works once.",
    "reset.submit": "Set password and sign in",
    "link.gone.title": "This link does not work any more",
    "link.gone.text": "It was used, replaced by a newer one, or is too old. Ask the person who sent it for a "
    "new one. If you have set your password already, sign in.",
    # consent
    "consent.title": "Allow this client to use your account?",
    "consent.who": "Who asks",
    "consent.note": "It chose this name; nobody has checked it.",
    "consent.described": "Described at",
    "consent.to": "Your answer goes to",
    "consent.to.site": "the site {host}",
    "consent.to.device": "a program on this device ({host})",
    "consent.to.app": "an app on this device, which opens addresses that begin with {scheme}",
    "consent.warning": "Any program on this device could be behind this. Go on only if you have just asked a "
    "program that you trust to connect.",
    "consent.scopes": "What it may do",
    "consent.read": "Read",
    "consent.read.hint": "See all your items. It changes nothing.",
    "consent.both": "Read and write",
    "consent.both.hint": "See all your items; also create, change and delete them.",
    "consent.write": "Write",
    "consent.write.hint": "Create, change and delete items.",
    "consent.lasts": "It stays connected until you disconnect it under {connections}, or it is unused for 30 "
    "days; at most 180 days.",
    "consent.elsewhere": "You then sign in at {host}.",
    "consent.allow": "Allow",
    "consent.deny": "Do not allow",
    "consent.other": "Use another account",
    "consent.full": "There are too many answers of yours that no client has fetched. Try again in a minute.",
    # after consent
    "returning.title": "You can go back now",
    "returning.allowed": "The client is connected as soon as it has fetched your answer.",
    "returning.denied": "The client is not connected.",
    "returning.app": "If the app does not open, open it with your answer.",
    "returning.link": "Go on",
    # password
    "change.title": "Change password",
    "change.text": "This ends your other sign-ins. Connected clients stay connected.",
    "change.submit": "Change password",
    # connections
    "connections.title": "Connected clients",
    "connections.none": "No client is connected.",
    "connections.how": "To connect an AI client, add this address to it: {address}",
    "connections.host": "Where it is",
    "connections.may": "May",
    "connections.since": "Connected since",
    "connections.used": "Last used",
    "connections.never": "not yet",
    "connections.end": "Disconnect",
    "connections.end.which": "Disconnect {client} at {host}",
    "connections.all.title": "Sign out everywhere",
    "connections.all.text": "This ends all your sign-ins, here too, and disconnects all clients.",
    "connections.all.submit": "Sign out everywhere",
    "scopes.read": "read",
    "scopes.write": "write",
    "scopes.both": "read and write",
    # what was done
    "done.disconnected": "The client is disconnected.",
    "done.gone": "This client was disconnected already.",
    "done.password_set": "Your password is set, and you are signed in.",
    "done.password_changed": "Your password is changed. Your other sign-ins have ended.",
    # sign out
    "sign_out.title": "Sign out?",
    "sign_out.text": "Connected clients stay connected.",
    "sign_out.submit": "Sign out",
    "sign_out.stay": "Stay signed in",
    "signed_out.title": "You are signed out",
    "signed_out.text": "You can close this window.",
    "signed_out.in": "Sign in again",
    # problems of a form
    "refused": "That did not work. Check the user name and the password.",
    "refused.current": "The current password is not right.",
    "missing": "Fill this in.",
    "different": "The two new passwords are not the same.",
    "weak": "Choose another password.",
    "wait": "There were too many attempts. Try again in {time}.",
    "wait.soon": "a moment",
    "wait.seconds": "{number} seconds",
    "wait.minutes": "{number} minutes",
    "stale": "This page was open for too long, or its browser keeps no cookies. Nothing was done; try again.",
    "foreign": "The answer did not come from this page. Nothing was done; try again.",
    "choose": "Choose what the client may do.",
    "busy": "Signing in is not possible at the moment. Nothing was lost; try again in {time}.",
    # pages in place of others
    "unavailable.title": "This is not possible at the moment",
    "unavailable.text": "Nothing was lost. Try again in {time}.",
    "wrong.title": "This did not work",
    "wrong.request": "The client asked for something that is not possible. Go back to it and try again.",
    "wrong.form": "The browser sent something that this page cannot read. Go back and try again.",
    "wrong.reason": "The reason, for those who run the client:",
    "wrong.onward": "The client can be told. This takes you to {place}:",
    "wrong.close": "You can close this window.",
}


def say(key: str, **facts: object) -> str:
    """A text with its places filled. It is no markup."""
    return TEXTS[key].format_map(facts)


def say_with(key: str, **facts: str | Html) -> Html:
    """The same as markup, for places that are filled with elements."""
    parts: list[str] = []
    for text, place, _, _ in Formatter().parse(TEXTS[key]):
        parts += [text, facts[place] if place else ""]
    return joined(*parts)


def span(seconds: int | None) -> str:
    """How long to wait, rounded up."""
    if not seconds or seconds <= 1:
        return say("wait.soon")
    if seconds <= 90:
        return say("wait.seconds", number=seconds)
    return say("wait.minutes", number=-(-seconds // 60))
