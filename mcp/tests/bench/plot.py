"""A run as a picture: bars, with a label on each, that can be read on a light and on a dark page."""

from collections.abc import Sequence
from html import escape

from tests.bench.figures import FIGURES, Figures, servers_of
from tests.bench.load import GET, LISTING, MIX

WIDTH, LABELS, LINE, BAR = 860, 250, 22, 14
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .ours { fill: #4493f8 }
}
"""
PANELS = (
    ("Processor time of the gateway for one get_note, 10 sessions, in µs", GET, 10, "gateway_us_per_call"),
    ("The same for a mix of create, get, list, patch and search", MIX, 10, "gateway_us_per_call"),
    ("The same for tools/list", LISTING, 10, "gateway_us_per_call"),
    ("Calls of get_note a second, 50 sessions", GET, 50, "calls_per_second"),
)


def svg(figures: Figures) -> str:
    parts: list[str] = []
    top = 0
    for title, load, sessions, figure in PANELS:
        rows = [
            (server, figures.median(load, sessions, server, FIGURES[figure]))
            for count, server in servers_of(figures, load)
            if count == sessions
        ]
        rows = [(server, value) for server, value in rows if value]
        if rows:
            parts += _panel(title, rows, top)
            top += LINE * (len(rows) + 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'role="img">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(title: str, rows: Sequence[tuple[str, float]], top: int) -> list[str]:
    parts = [f'<text class="title" x="0" y="{top + LINE - 6}">{escape(title)}</text>']
    scale = (WIDTH - LABELS - 80) / max(value for _, value in rows)
    for number, (server, value) in enumerate(rows, start=1):
        y, length = top + number * LINE, max(value * scale, 1)
        kind = "bar ours" if server.startswith("ours") else "bar"
        parts += [
            f'<text x="{LABELS - 8}" y="{y + BAR}" text-anchor="end">{escape(server)}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y + 2}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LABELS + length + 6:.1f}" y="{y + BAR}">{value:,.0f}</text>',
        ]
    return parts
