"""Numbers as people read them."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def amount(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def bytes_(value: float | None) -> str:
    if value is None:
        return "unknown"
    unit = 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 100 else f"{value:.0f} {_UNITS[unit]}"


def ms(value: float | None) -> str:
    """Milliseconds, as seconds if they are many."""
    if value is None:
        return ""
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def duration(seconds: float) -> str:
    """The two largest units of a time."""
    left = round(seconds)
    parts = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
