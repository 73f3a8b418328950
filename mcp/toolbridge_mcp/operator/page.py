"""The operator's page: one document without script, picture or address of others."""

from collections.abc import Iterable, Sequence

from toolbridge_mcp.markup import Html, joined, tag
from toolbridge_mcp.operator import charts
from toolbridge_mcp.operator.facts import Json
from toolbridge_mcp.operator.style import STYLE
from toolbridge_mcp.operator.words import amount, bytes_, duration, ms
from toolbridge_mcp.telemetry import STAGES
from toolbridge_mcp.telemetry.tallies import BYTES_PER_TOKEN

UNKNOWN = "unknown"

_NUMBERS = ("Calls", "Failed", "p50", "p95", "Results", "Tokens", "Tokens a call", "Time", *STAGES)
KINDS = {
    **dict.fromkeys((*_NUMBERS, "Held", "Limit", "Number", "Version"), "n"),
    **dict.fromkeys(("At", "Minute"), "at"),
    **dict.fromkeys(("Item", "Correlation id", "Trace id"), "code"),
}
"""How a column looks, by its name: numbers are on the right."""


def document(facts: Json, refresh_seconds: int | None = None) -> str:
    """The whole page. It loads itself again only if that was asked for."""
    title = f"{facts['tenant']}: {facts['state']['says']}"
    head = tag(
        "head",
        Html('<meta charset="utf-8"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=refresh_seconds) if refresh_seconds else None,
        tag("link", rel="icon", href="data:,"),
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
        tag("p", f"As of {facts['at']}. All times are UTC.", class_="soft"),
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
    parts = (
        *(_hour, _now, _errors, _tools, _callers, _clients, _slowest, _refusals),
        *(_storage, _versions, _doctor, _journal),
    )
    return [part(facts) for part in parts]


def _hour(facts: Json) -> Section:
    hour = facts["hour"]
    minutes = hour["minutes"]
    calls, failed = ([minute[key] for minute in minutes] for key in ("calls", "failed"))
    middle, slow = ([minute[key] for minute in minutes] for key in ("p50_ms", "p95_ms"))
    since = _clock(hour["since"])
    number = (
        f"{amount(hour['calls'])} calls since {since}, {amount(max(calls))} in the busiest minute; "
        f"{amount(hour['failed'])} did not succeed (striped)."
    )
    times = (
        f"Half of the calls took up to {ms(hour['p50_ms'])}, and 95 % up to {ms(hour['p95_ms'])} (dashed)."
    )
    begins = None
    if not hour["is_whole"]:
        begins = tag("p", f"This process has served since {since}: a new one begins with an empty hour.")
    return Section(
        "hour",
        "The last hour",
        begins,
        tag("p", number),
        charts.bars("Calls per minute", calls, failed, number),
        tag("p", times) if hour["calls"] else None,
        charts.lines("Time of a call", [("p50", middle), ("p95", slow)], times),
        tag(
            "details",
            tag("summary", "These minutes as a table"),
            _table(
                "Calls by minute",
                ("Minute", "Calls", "Failed", "p50", "p95", "Results"),
                [
                    (
                        _clock(one["at"]),
                        *(amount(one["calls"]), amount(one["failed"]), ms(one["p50_ms"]), ms(one["p95_ms"])),
                        bytes_(one["result_bytes"]),
                    )
                    for one in reversed(minutes)
                ],
            ),
        ),
        wide=True,
    )


def _tools(facts: Json) -> Section:
    hour = facts["hour"]
    all_bytes = hour["result_bytes"] or 1
    rows = [
        (
            one["tool"],
            *(amount(one["calls"]), amount(one["failed"]), ms(one["p50_ms"]), ms(one["p95_ms"])),
            *(bytes_(one["result_bytes"]), amount(one["result_tokens"])),
            *(
                amount(one["result_tokens"] / max(1, one["calls"])),
                charts.share(one["result_bytes"] / all_bytes),
            ),
        )
        for one in hour["tools"]
    ]
    names = ("Tool", "Calls", "Failed", "p50", "p95", "Results", "Tokens", "Tokens a call", "Share of all")
    table = _table("Tools of the last hour, the dearest first", names, rows)
    about = (
        tag("p", f"Tokens are estimated: a token is about {BYTES_PER_TOKEN} bytes.", class_="soft")
        if rows
        else None
    )
    return Section("tools", "Tools", table, about, wide=True)


def _errors(facts: Json) -> Section:
    rows = [
        (
            one["outcome"],
            amount(one["calls"]),
            ", ".join(f"{tool} {amount(count)}" for tool, count in one["tools"].items()),
        )
        for one in facts["hour"]["errors"]
    ]
    return Section(
        "errors", "Errors", _table("Calls that did not succeed", ("Outcome", "Calls", "Tools"), rows)
    )


def _callers(facts: Json) -> Section:
    rows = [
        (
            "all others" if one["subject"] is None else one["subject"] or "nobody",
            *(amount(one["calls"]), amount(one["failed"]), bytes_(one["result_bytes"])),
        )
        for one in facts["hour"]["callers"]
    ]
    table = _table("Callers of the last hour", ("Subject", "Calls", "Failed", "Results"), rows)
    return Section("callers", "Callers", table)


def _clients(facts: Json) -> Section:
    rows = [
        (one["client"], amount(one["calls"]), amount(one["failed"]), bytes_(one["result_bytes"]))
        for one in facts["hour"]["clients"]
    ]
    table = _table(
        "Clients of the last hour, as they call themselves", ("Client", "Calls", "Failed", "Results"), rows
    )
    return Section("clients", "Clients", table)


def _slowest(facts: Json) -> Section:
    rows = [
        (
            _clock(one["at"], seconds=True),
            *(one["tool"], ms(one["ms"]), *(ms(one["stages_ms"].get(stage)) for stage in STAGES)),
            *(one["outcome"], one["client"], one["correlation_id"], one["trace_id"]),
        )
        for one in facts["hour"]["slowest"]
    ]
    names = ("At", "Tool", "Time", *STAGES, "Outcome", "Client", "Correlation id", "Trace id")
    return Section(
        "slowest", "Slowest calls", _table("The slowest calls of the last hour", names, rows), wide=True
    )


def _refusals(facts: Json) -> Section:
    rows = [(one["reason"], amount(one["count"])) for one in facts["hour"]["refusals"]]
    table = _table("Requests and connections refused or ended", ("Reason", "Number"), rows)
    return Section("refusals", "Refusals", table)


def _doctor(facts: Json) -> Section:
    doctor = facts["doctor"]
    if doctor["at"] is None:
        words = tag("p", "The deployment is being examined. Load the page again in a moment.")
    else:
        words = tag(
            "p", f"Examined at {_clock(doctor['at'], seconds=True)}, at most once a minute.", class_="soft"
        )
    rows = [(one["check"], one["state"], one["says"]) for one in doctor["findings"]]
    table = (
        _table("What toolbridge doctor finds without a token", ("Check", "State", "Says"), rows)
        if rows
        else None
    )
    problem = tag("p", doctor["problem"]) if doctor["problem"] else None
    return Section("doctor", "Doctor", words, problem, table, wide=True)


def _clock(moment: str, *, seconds: bool = False) -> str:
    """The time of day of a moment, in UTC."""
    return moment[11 : 19 if seconds else 16]


def _now(facts: Json) -> Section:
    now = facts["now"]
    sessions = ", ".join(f"{amount(count)} over {name}" for name, count in now["sessions"].items())
    keys = now["keys"]
    rows = [
        ("Calls at work", amount(now["running"])),
        ("Calls that wait for a place", amount(now["waiting"])),
        ("Sessions", sessions or UNKNOWN),
        ("Circuit breaker", now["breaker"] or UNKNOWN),
        ("Clocks of gateway and API", _apart(now["clock_difference_seconds"])),
        ("Keys of the gateway", _keys(keys["gateway"], keys["gateway_age_seconds"])),
        ("Keys of the API", _keys(keys["api"], keys["api_age_seconds"])),
    ]
    limits = _table(
        "What callers hold, of what they may hold",
        ("Kind", "Held", "Limit"),
        [(one["kind"], amount(one["held"]), amount(one["limit"])) for one in now["limits"]],
    )
    return Section("now", "Now", _list(rows), limits)


def _apart(seconds: int | None) -> str:
    return UNKNOWN if seconds is None else f"{abs(seconds)} s apart"


def _keys(count: int | None, age: int | None) -> str:
    if count is None:
        return UNKNOWN
    return f"{amount(count)}, read {duration(age)} ago" if age else amount(count)


def _storage(facts: Json) -> Section:
    storage = facts["storage"]
    if all(value is None for value in storage.values()):
        return Section("storage", "Storage", tag("p", "The API gives no metrics to this machine."))
    free, size = storage["disk_free_bytes"], storage["disk_size_bytes"]
    disk = f"{bytes_(free)} free of {bytes_(size)}" if size else UNKNOWN
    used, idle, most = (storage[f"connections_{name}"] for name in ("used", "idle", "most"))
    rows = [
        ("Disk", disk),
        ("Database", bytes_(storage["database_bytes"])),
        ("Fullest quota", _quota(storage)),
        (
            "Connections to the database",
            f"{amount(used)} in use, {amount(idle)} idle, {amount(most)} at most",
        ),
    ]
    return Section("storage", "Storage", _list(rows))


def _quota(storage: Json) -> str:
    """How much of each quota the fullest user has used. One that is off is not known."""
    used = {kind: storage[f"quota_{kind}_used"] for kind in ("items", "bytes")}
    said = [f"{share:.0%} of the {kind}" for kind, share in used.items() if share is not None]
    return f"{', '.join(said)} that one user may have" if said else UNKNOWN


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
    if key == "at":
        return str(value)[:19].replace("T", " ")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _list(rows: Iterable[tuple[str, str]]) -> Html:
    return tag("dl", *(joined(tag("dt", name), tag("dd", value)) for name, value in rows))


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str | Html]]) -> Html:
    """A table whose first column names the row. It scrolls by itself where the screen is narrow."""
    if not rows:
        return tag("p", f"{caption}: none.")
    kinds = [KINDS.get(name) for name in names]
    head = (tag("th", name, scope="col", class_=kind) for name, kind in zip(names, kinds, strict=True))
    body = (
        tag(
            "tr",
            tag("th", row[0], scope="row", class_=kinds[0]),
            *(tag("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    )
    table = tag("table", tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
