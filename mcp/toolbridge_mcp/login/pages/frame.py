"""What all pages have in common: the document around them, their fields, and how they say what went wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from toolbridge_mcp.login.pages.shown import text
from toolbridge_mcp.login.pages.texts import LANGUAGE, say
from toolbridge_mcp.markup import Html, joined, tag

PROBLEM = "problem"


class Problem(NamedTuple):
    """A sentence for the user, and the field that it is about, by its name; None if it is about no field."""

    says: str
    field: str | None = None


class Look(NamedTuple):
    """`prefix` is the path that comes before those of the pages; `style` is CSS."""

    product: str
    prefix: str
    style: str


class User(NamedTuple):
    name: str
    shown: str


def document(
    look: Look,
    title: str,
    *content: Html | None,
    user: User | None = None,
    problem: Problem | None = None,
) -> str:
    """A whole page. Its one `h1` is the title; with a problem, that is said first, and has the focus."""
    said = say("title.problem" if problem else "title", page=title, product=look.product)
    head = tag(
        "head",
        Html('<meta charset="utf-8"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("link", rel="icon", href="data:,"),
        tag("title", said),
        tag("style", Html(look.style)),
    )
    body = tag(
        "body",
        tag("a", say("skip"), class_="skip", href="#content") if user else None,
        tag(
            "header", tag("p", look.product, class_="brand"), _navigation(look.prefix, user) if user else None
        ),
        tag("main", _summary(problem), tag("h1", title), *content, id="content"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang=LANGUAGE)}\n"


def _navigation(prefix: str, user: User) -> Html:
    places = {"connections": "/connections", "password": "/password", "sign_out": "/sign-out"}
    links = (tag("li", tag("a", say(f"nav.{name}"), href=f"{prefix}{path}")) for name, path in places.items())
    return joined(tag("p", _who(user), class_="soft"), tag("nav", tag("ul", *links), aria_label=say("nav")))


def _who(user: User) -> str:
    name, shown = text(user.name), text(user.shown)
    return say("who.short", name=name) if shown in ("", name) else say("who", shown=shown, name=name)


def _summary(problem: Problem | None) -> Html | None:
    if problem is None:
        return None
    says = tag("a", problem.says, href=f"#{problem.field}") if problem.field else problem.says
    return tag(
        "div",
        tag("h2", say("problem"), id=f"{PROBLEM}-title"),
        tag("ul", tag("li", says)),
        class_=PROBLEM,
        role="alert",
        tabindex="-1",
        autofocus="",
        aria_labelledby=f"{PROBLEM}-title",
    )


def done(says: str) -> Html:
    """A sentence that says what was done."""
    return tag("p", says, class_="done", role="status")


def field(
    name: str,
    label: str,
    *,
    autocomplete: str,
    secret: bool = False,
    value: str | None = None,
    hint: str | None = None,
    problem: Problem | None = None,
    fixed: bool = False,
    first: bool = False,
) -> Html:
    """A labelled field. `fixed` is one that shows its value only, and tells a password manager whose password
    it is; `first` has the focus when the page opens, unless there is a problem to read."""
    error = problem.says if problem and problem.field == name else None
    notes = {f"{name}-hint": hint, f"{name}-error": error}
    described = " ".join(key for key, says in notes.items() if says) or None
    return tag(
        "div",
        tag("label", label, for_=name),
        tag("p", hint, id=f"{name}-hint", class_="hint") if hint else None,
        tag("p", error, id=f"{name}-error", class_="error") if error else None,
        tag(
            "input",
            id=name,
            name=name,
            type="password" if secret else "text",
            value=value,
            autocomplete=autocomplete,
            autocapitalize="none",
            spellcheck="false",
            required=None if fixed else "",
            readonly="" if fixed else None,
            autofocus="" if first and problem is None else None,
            aria_describedby=described,
            aria_invalid="true" if error else None,
        ),
        class_="field",
    )


def form(path: str, csrf: str, /, *content: Html | None, **hidden: str | None) -> Html:
    """A form that is sent to `path`, with the token that proves that it is ours, and hidden fields."""
    fields = (
        tag("input", type="hidden", name=name, value=value)
        for name, value in {"csrf": csrf, **hidden}.items()
        if value is not None
    )
    return tag("form", *fields, *content, method="post", action=path)


def button(label: str, *, is_main: bool = True, note: str | None = None, **attributes: str) -> Html:
    """A button that sends its form. `note` is read out in place of the label."""
    return tag(
        "button",
        label,
        type="submit",
        class_="main" if is_main else None,
        aria_label=note,
        **attributes,
    )


def link(label: str, path: str, *, is_main: bool = False) -> Html:
    """A link that looks like a button."""
    return tag("a", label, href=path, class_="button main" if is_main else "button")


def actions(*elements: Html | None) -> Html:
    return tag("div", *elements, class_="actions")


def facts(rows: Sequence[tuple[str, str | Html]]) -> Html:
    return tag("dl", *(joined(tag("dt", name), tag("dd", value)) for name, value in rows))
