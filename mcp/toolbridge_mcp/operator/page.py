"""The operator's page: one document without script, picture or address of others."""

from collections.abc import Iterable, Sequence

from toolbridge_mcp.operator.facts import Json
from toolbridge_mcp.operator.markup import Html, joined, tag
from toolbridge_mcp.operator.style import STYLE
from toolbridge_mcp.operator.words import amount, bytes_, duration

NONE = "none"
UNKNOWN = "unknown"


def document(facts: Json, refresh_seconds: int | None = None) -> str:
    """The whole page. It loads itself again only if that was asked for."""
    title = f"{facts['tenant']}: {facts['state']['says']}"
    head = tag(
        "head",
        Html('<meta charset="utf-8"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=refresh_seconds) if refresh_seconds else None,
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    sections = [section for section in _sections(facts) if section]
    body = tag(
        "body",
        tag("a", "To the figures", class_="skip", href="#figures"),
        _header(facts, sections),
        tag("main", *(section.html for section in sections), id="figures"),
        _footer(),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


class Section:
    """A part of the page, which its navigation names."""

    def __init__(self, name: str, title: str, *children: Html | None, wide: bool = False) -> None:
        self.name = name
        self.title = title
        heading = tag("h2", title, id=f"{name}-title")
        self.html = tag(
            "section",
            heading,
            *children,
            id=name,
            aria_labelledby=f"{name}-title",
            class_="wide" if wide else None,
        )


def _header(facts: Json, sections: Iterable[Section]) -> Html:
    state = facts["state"]
    links = (tag("li", tag("a", one.title, href=f"#{one.name}")) for one in sections)
    return tag(
        "header",
        tag("h1", f"ToolBridge, tenant {facts['tenant']}"),
        tag("p", state["says"], class_=f"state {state['is']}", role="status"),
        tag("p", f"As of {facts['at']}.", class_="soft"),
        tag("nav", tag("ul", *links), aria_label="Parts of the page"),
    )


def _footer() -> Html:
    return tag(
        "footer",
        tag(
            "p",
            "The same as ",
            tag("a", "JSON", href="/?json"),
            "; metrics of ",
            tag("a", "gateway", href="/metrics"),
            " and ",
            tag("a", "API", href="/metrics/api"),
            "; ",
            tag("a", "load this page every 10 s", href="/?refresh=10"),
            ". What each part means, and what to do: docs/operating.md.",
        ),
    )


def _sections(facts: Json) -> list[Section]:
    return [_now(facts), _storage(facts), _versions(facts), _journal(facts)]


def _now(facts: Json) -> Section:
    now = facts["now"]
    sessions = ", ".join(f"{amount(count)} over {name}" for name, count in now["sessions"].items())
    keys = now["keys"]
    rows = [
        ("Calls at work", amount(now["running"])),
        ("Calls that wait for a place", amount(now["waiting"])),
        ("Sessions", sessions or UNKNOWN),
        ("Circuit breaker", now["breaker"] or UNKNOWN),
        ("Keys of the gateway", _keys(keys["gateway"], keys["gateway_age_seconds"])),
        ("Keys of the API", _keys(keys["api"], keys["api_age_seconds"])),
    ]
    limits = _table(
        "What callers hold, of what they may hold",
        ("Kind", "Held", "Limit"),
        [(one["kind"], amount(one["held"]), amount(one["limit"])) for one in now["limits"]],
    )
    return Section("now", "Now", _list(rows), limits)


def _keys(count: int | None, age: int | None) -> str:
    if count is None:
        return UNKNOWN
    return amount(count) if age is None else f"{amount(count)}, read {duration(age)} ago"


def _storage(facts: Json) -> Section:
    storage = facts["storage"]
    if storage["database_bytes"] is None:
        return Section("storage", "Storage", tag("p", "The API gives no metrics to this machine."))
    free, size = storage["disk_free_bytes"], storage["disk_size_bytes"]
    disk = f"{bytes_(free)} free of {bytes_(size)}" if size else UNKNOWN
    used, idle, most = (storage[f"connections_{name}"] for name in ("used", "idle", "most"))
    rows = [
        ("Disk", disk),
        ("Database", bytes_(storage["database_bytes"])),
        (
            "Connections to the database",
            f"{amount(used)} in use, {amount(idle)} idle, {amount(most)} at most",
        ),
    ]
    return Section("storage", "Storage", _list(rows))


def _versions(facts: Json) -> Section:
    versions = facts["versions"]
    rows = [
        ("Gateway", versions["gateway"]),
        ("API", versions["api"] or UNKNOWN),
        ("This process serves for", f"{duration(versions['uptime_seconds'])}, since {versions['began_at']}"),
        ("Serving processes replaced", amount(versions["processes_replaced"])),
    ]
    return Section("versions", "Versions", _list(rows))


def _journal(facts: Json) -> Section:
    journal = facts["journal"]
    if journal["problem"]:
        return Section("journal", "Journal", tag("p", journal["problem"]), wide=True)
    names = ("At", "Who", "Change", "Kind", "Item", "Fields", "Version", "Client", "Tool", "Correlation id")
    rows = [
        tuple(
            _said(line, key)
            for key in (
                "at",
                "subject",
                "change",
                "kind",
                "uid",
                "fields",
                "version",
                "client",
                "tool",
                "correlation_id",
            )
        )
        for line in journal["lines"]
    ]
    return Section("journal", "Journal", _table("The newest changes of all users", names, rows), wide=True)


def _said(line: Json, key: str) -> str:
    value = line.get(key) if isinstance(line, dict) else None
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _list(rows: Iterable[tuple[str, str]]) -> Html:
    return tag("dl", *(joined(tag("dt", name), tag("dd", value)) for name, value in rows))


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str | Html]]) -> Html:
    """A table whose first column names the row. Columns of numbers are on the right."""
    if not rows:
        return tag("p", f"{caption}: {NONE}.")
    numbers = [all(_is_number(row[i]) for row in rows) for i in range(len(names))]
    head = tag(
        "tr", *(tag("th", name, scope="col", class_=_kind(numbers[i])) for i, name in enumerate(names))
    )
    body = (
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, class_=_kind(numbers[i])) for i, cell in enumerate(row[1:], 1)),
        )
        for row in rows
    )
    table = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _kind(is_number: bool) -> str | None:
    return "n" if is_number else None


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell in {"", UNKNOWN}
