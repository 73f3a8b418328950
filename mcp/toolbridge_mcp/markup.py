"""HTML from nested calls. Every text is escaped, unless it is HTML already."""

from html import escape


class Html(str):
    """Markup that is sent as it is."""

    __slots__ = ()


VOID = frozenset({"meta", "link", "path", "rect", "line", "circle", "br", "hr", "input"})


def tag(name: str, /, *children: str | None, **attributes: str | float | None) -> Html:
    """An element. An attribute's name loses the underscore at its end, and its others become hyphens; None
    leaves out an attribute or a child."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Html:
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children if child))
