"""Charts of the last hour as SVG. What they show is also said in words, and in a table below them."""

from collections.abc import Iterator, Sequence

from toolbridge_mcp.markup import Html, joined, tag

SLOTS = 61
"""The minutes that are over, and the present one."""

STEP, HEIGHT = 10, 120
WIDTH = SLOTS * STEP
ROUND = (1, 2, 5, 10)

_HATCH = tag(
    "defs",
    tag(
        "pattern",
        tag("rect", width=4, height=4, class_="bad"),
        tag("line", x1=0, y1=0, x2=0, y2=4, class_="stripe"),
        id="hatch",
        width=4,
        height=4,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    ),
)
"""Failed calls are striped, for those who see no difference in colour."""


def bars(name: str, wholes: Sequence[int], parts: Sequence[int], says: str) -> Html:
    """A bar for each minute, and of each a striped part. `says` is what one sees."""
    most = _round_up(max(wholes, default=0))
    shown = [_HATCH]
    for slot, whole, part in _slots(wholes, parts):
        shown.append(_bar(slot, 0, whole - part, most, "bar"))
        shown.append(_bar(slot, whole - part, part, most, "failed"))
    return _figure(name, joined(*shown), f"{most:,.0f}", says)


def lines(name: str, series: Sequence[tuple[str, Sequence[float | None]]], says: str) -> Html:
    """A line for each series, by the class of its style. A minute without a value interrupts it."""
    most = _round_up(max((value for _, values in series for value in values if value), default=0.0))
    shown: list[Html] = []
    for style, values in series:
        run: list[str] = []
        for slot, value in _slots(values):
            if value is None:
                run = []
                continue
            x, y = (slot + 0.5) * STEP, _y(value, most)
            shown.append(tag("path", d=f"M{x} {y}h0", class_=f"{style} dot"))
            if run:
                shown.append(tag("path", d=f"M{run[-1]}L{x} {y}", class_=style))
            run.append(f"{x} {y}")
    return _figure(name, joined(*shown), f"{most:,.4g} ms", says)


def share(part: float) -> Html:
    """A bar beside a number, for the eye only."""
    return tag(
        "svg",
        tag("rect", width=max(1, round(part * 100)), height=8, class_="bar"),
        viewBox="0 0 100 8",
        class_="share",
        aria_hidden="true",
    )


def _figure(name: str, shown: Html, most: str, says: str) -> Html:
    grid = (tag("line", x1=0, y1=y, x2=WIDTH, y2=y, class_="axis") for y in (0.5, HEIGHT / 2, HEIGHT - 0.5))
    return tag(
        "figure",
        tag("figcaption", name),
        tag("p", most, class_="most", aria_hidden="true"),
        tag(
            "svg",
            tag("title", f"{name}. {says}"),
            *grid,
            shown,
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            preserveAspectRatio="none",
            role="img",
        ),
        tag("p", tag("span", "an hour ago"), tag("span", "now"), class_="times", aria_hidden="true"),
    )


def _bar(slot: int, below: float, height: float, most: float, style: str) -> Html:
    if not height:
        return joined()
    top = _y(below + height, most)
    return tag(
        "rect",
        x=slot * STEP + 1,
        y=top,
        width=STEP - 2,
        height=round(max(1.0, _y(below, most) - top), 1),
        class_=style,
    )


def _y(value: float, most: float) -> float:
    return round(HEIGHT * (1 - value / most), 1) if most else HEIGHT


def _slots(*series: Sequence[float | None]) -> Iterator[tuple]:  # type: ignore[type-arg]
    """The minutes from the left to the right: the present one is always on the right."""
    first = SLOTS - len(series[0])
    for index, values in enumerate(zip(*series, strict=True)):
        yield first + index, *values


def _round_up(value: float) -> float:
    """The next number that is easy to read."""
    if value <= 0:
        return 0
    size = 1.0
    while size * 10 <= value:
        size *= 10
    while size > value:
        size /= 10
    return next(size * step for step in ROUND if size * step >= value)
