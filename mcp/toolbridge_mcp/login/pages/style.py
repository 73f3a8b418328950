"""The style of the pages: light and dark as the reader's system has it, wide and narrow, in the product's
colour."""

import base64
import hashlib
from typing import NamedTuple

from toolbridge_mcp.login.pages.colors import readable, text_on

_LIGHT = ("#ffffff", "#f4f6f8")
_DARK = ("#14171a", "#1d2125")
"""The page, and what lies on it."""

_RULES = """
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif;
border-top:.5rem solid var(--brand)}
header,main{max-width:34rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.25rem}main{padding-bottom:3rem}
.brand{font-weight:700;font-size:1.1rem;margin:0;overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:.5rem 0 0;padding:0}
nav a{display:inline-block;padding:.5rem 0}
h1{font-size:1.6rem;line-height:1.25;margin:1.5rem 0 .75rem}h2{font-size:1.15rem;margin:0 0 .5rem}
h1,h2,p,dd,li,legend,label{overflow-wrap:anywhere}
p{margin:.5rem 0}.soft,.hint{color:var(--soft)}.hint{margin:0 0 .35rem;font-size:.95rem}
a{color:var(--accent)}
.skip{position:absolute;left:-99rem}.skip:focus{position:static;display:inline-block;margin:.5rem 1.25rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
form{margin:1rem 0}
.field{margin:0 0 1.25rem}
label,legend{display:block;font-weight:600;margin-bottom:.25rem;padding:0}
input[type=text],input[type=password]{width:100%;font:inherit;color:inherit;background:var(--back);
padding:.6rem .7rem;border:2px solid var(--edge);border-radius:.4rem;min-height:2.9rem}
input[readonly]{background:var(--card)}
input[aria-invalid]{border-color:var(--bad)}
.error{color:var(--bad);font-weight:600;margin:0 0 .35rem}
.problem,.done,.card,.note{border:2px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0;
background:var(--card)}
.problem{border-color:var(--bad);border-left-width:.7rem}.problem ul{margin:0;padding-left:1.2rem}
.problem a{color:var(--bad);font-weight:600}
.done{border-color:var(--good);border-left-width:.7rem}
.note{border-color:var(--warn);border-left-width:.7rem}
fieldset{border:0;margin:1.25rem 0;padding:0;min-width:0}
.choice{display:flex;gap:.75rem;align-items:flex-start;padding:.6rem 0}
.choice input{width:1.4rem;height:1.4rem;margin:.1rem 0 0;flex:none;accent-color:var(--accent)}
.choice label{margin:0}.choice .hint{margin:0}
.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.25rem}
button,.button{display:inline-block;font:inherit;font-weight:600;text-decoration:none;cursor:pointer;
min-height:2.9rem;padding:.6rem 1.2rem;border:2px solid var(--accent);border-radius:.4rem;
background:var(--back);color:var(--accent)}
button.main,.button.main{background:var(--brand);color:var(--on-brand)}
dl{margin:.5rem 0}dt{color:var(--soft);font-size:.95rem}dd{margin:0 0 .6rem}
.cards{list-style:none;margin:0;padding:0}.card form{margin:.5rem 0 0}
.host{font-weight:700}code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
hr{border:0;border-top:1px solid var(--line);margin:2rem 0}
@media (min-width:40rem){header{padding-top:2.5rem}}
"""


class Style(NamedTuple):
    """`source` is what a Content-Security-Policy knows the style by: no other style is applied."""

    text: str
    source: str


def style(color: str) -> Style:
    """The style in the product's colour, such as `#1f5fbf`."""
    light = (
        "--text:#1a1d21;--soft:#525961;--line:#c9ced4;--edge:#6b737c;--bad:#a8231c;--warn:#8a5300;"
        f"--good:#1b6e3c;{_colors(_LIGHT, color)}"
    )
    dark = (
        "--text:#e8eaed;--soft:#b3bac2;--line:#454c54;--edge:#8d959e;--bad:#ff9d94;--warn:#ffc66b;"
        f"--good:#7fd8a0;{_colors(_DARK, color)}"
    )
    text = (
        f":root{{color-scheme:light dark;{light}--brand:{color};--on-brand:{text_on(color)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{_RULES}"
    )
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Style(text, f"'sha256-{digest}'")


def _colors(backgrounds: tuple[str, str], color: str) -> str:
    back, card = backgrounds
    return f"--back:{back};--card:{card};--accent:{readable(color, back, card)};"
