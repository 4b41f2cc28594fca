"""The one style sheet of a report: light and dark, for narrow and wide screens and for paper; colours by name."""

from __future__ import annotations

LIGHT = {
    "ground": "#ffffff",
    "raised": "#f6f8fa",
    "ink": "#1f2328",
    "muted": "#57606a",
    "line": "#d0d7de",
    "link": "#0550ae",
    "succeeded": "#116329",
    "failed": "#b3151f",
    "waiting": "#7d4e00",
    "running": "#0550ae",
    "skipped": "#57606a",
}
DARK = {
    "ground": "#0d1117",
    "raised": "#161b22",
    "ink": "#e6edf3",
    "muted": "#9da7b3",
    "line": "#30363d",
    "link": "#6cb6ff",
    "succeeded": "#56d364",
    "failed": "#ff8178",
    "waiting": "#e3b341",
    "running": "#6cb6ff",
    "skipped": "#9da7b3",
}
"""Every colour of text has a contrast of at least 4.5 on `ground` and on `raised`."""

_ALIASES = {"cancelled": "skipped", "queued": "skipped", "interrupted": "waiting", "rejected": "failed"}
_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1rem 4rem;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.2rem;margin:2.25rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.25rem 0 .4rem}
p{margin:.4rem 0}
a{color:var(--link)}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.88em}
pre{background:var(--raised);border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem;margin:.5rem 0;
overflow:auto;max-height:26rem;white-space:pre-wrap}
pre.next{white-space:pre-wrap;border-left:4px solid var(--running)}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.75rem 0}
dl.facts dt{color:var(--muted)}
dl.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:1rem 0 0;padding:0}
article{border:1px solid var(--line);border-left-width:4px;border-radius:6px;padding:.25rem 1rem .75rem;margin:1rem 0}
article h3{margin-top:.6rem}
ul.why{margin:.3rem 0;padding-left:1.2rem}
ul.why li.below{list-style:none;color:var(--muted)}
ul.why li.deeper{padding-left:1.2rem}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.93em}
caption{text-align:left;color:var(--muted);padding:.35rem .6rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--muted);font-weight:600;white-space:nowrap}
tbody th{font-weight:400}
.digest{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.82em;overflow-wrap:anywhere;min-width:18ch}
td details{margin:0}
th.num{width:1%}
.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.status{white-space:nowrap;font-weight:600}
.muted{color:var(--muted)}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--link)}
.picture{overflow:auto;max-height:44rem;padding:.5rem}
.picture svg{display:block}
.picture text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:currentColor}
.picture rect{fill:var(--raised);stroke:currentColor}
.picture path{fill:none;stroke:var(--line)}
.picture g{color:var(--muted)}
.picture .matrix rect{stroke-dasharray:4 2}
.picture .phase rect{stroke-width:2}
.bars td{padding-top:.15rem;padding-bottom:.15rem}
.bars th{font-weight:400;max-width:18rem}
.bars td.bar{width:60%;min-width:9rem;padding-left:0;padding-right:0}
.bars svg{display:block;width:100%;height:1rem;background:var(--raised)}
.bars rect{fill:currentColor;stroke:none}
.bars line{stroke:var(--muted);stroke-dasharray:3 3;vector-effect:non-scaling-stroke}
"""
_NARROW = """@media(max-width:40rem){body{padding:1rem .6rem 3rem;font-size:14px}
dl.facts{grid-template-columns:1fr;gap:0}
dl.facts dd{margin-bottom:.4rem}th,td{padding:.3rem .4rem}.bars td.bar{min-width:6rem}}
"""
_PRINT = """@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}
pre,.scroll,.picture{overflow:visible;max-height:none}pre{white-space:pre-wrap}article,tr{break-inside:avoid}
.picture svg{max-width:100%;height:auto}
details::details-content{content-visibility:visible;block-size:auto}}
"""


def style_sheet() -> str:
    """The whole text of the `style` element."""
    words = [*(name for name in LIGHT if name not in ("ground", "raised", "ink", "muted", "line", "link")), *_ALIASES]
    named = {word: f"var(--{_ALIASES.get(word, word)})" for word in words}
    colours = "".join(f".s-{word},.picture g.s-{word}{{color:{colour}}}" for word, colour in named.items())
    edges = "".join(f"article.s-{word}{{border-left-color:{colour};color:inherit}}" for word, colour in named.items())
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_named(DARK)}}}}}"
    return f":root{{{_named(LIGHT)}}}\n{dark}\n{_RULES.strip()}\n{colours}\n{edges}\n{_NARROW}{_PRINT}"


def _named(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in colours.items())
