"""The style of the page: light and dark as the reader's system has it, narrow enough for a phone."""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1a1d21;--soft:#565d66;--line:#d5d9de;--card:#f6f7f9;
--accent:#0b5cad;--accent2:#8a3ffc;--bad:#b3261e;--warn:#8a5300;--good:#1b6e3c}
@media (prefers-color-scheme:dark){:root{--back:#14171a;--text:#e8eaed;--soft:#a9b1ba;--line:#363c43;
--card:#1d2125;--accent:#7ab7ff;--accent2:#c9a5ff;--bad:#ff9d94;--warn:#ffc66b;--good:#7fd8a0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:0 1rem 3rem;max-width:76rem;background:var(--back);color:var(--text);
font:1rem/1.45 system-ui,sans-serif}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible
{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
h1{font-size:1.5rem;margin:1rem 0 .3rem}h2{font-size:1.15rem;margin:0 0 .6rem}
p{margin:.3rem 0}.soft{color:var(--soft)}
.state{margin:.8rem 0;padding:.8rem 1rem;border:2px solid;border-left-width:.8rem;border-radius:.4rem;
font-weight:600;overflow-wrap:anywhere}
.fine{border-color:var(--good)}.degraded{border-color:var(--warn)}.refused{border-color:var(--bad)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.6rem 0;padding:0;list-style:none}
nav a{display:inline-block;padding:.2rem 0}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));gap:1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;min-width:0}
section.wide{grid-column:1/-1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;font-weight:600;padding:.2rem 0}
th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}tbody th{font-weight:400}
th,td{overflow-wrap:break-word;max-width:24rem}.at{white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.code{font-family:ui-monospace,monospace;font-size:.85rem;white-space:nowrap}
dl{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem;margin:0}dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
figure{margin:.8rem 0}figcaption{font-weight:600}
figure svg{display:block;width:100%;height:8rem}
.most,.times{margin:0;color:var(--soft);font-size:.85rem}.times{display:flex;justify-content:space-between}
.share{display:block;width:6rem;height:.5rem;margin-top:.45rem}
.bar{fill:var(--accent)}.bad{fill:var(--bad)}.failed{fill:url(#hatch)}
.stripe{stroke:var(--card);stroke-width:2}.axis{stroke:var(--line);vector-effect:non-scaling-stroke}
.p50,.p95{fill:none;stroke:var(--accent);stroke-width:2;vector-effect:non-scaling-stroke}
.p95{stroke:var(--accent2);stroke-dasharray:6 4}.dot{stroke-width:5;stroke-linecap:round;
stroke-dasharray:none}
summary{cursor:pointer;padding:.2rem 0}
footer{margin-top:1.5rem;color:var(--soft)}
"""

HASH = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"
"""By which the page's policy knows its own style. No other style and no script is carried out."""
