"""A bar chart as SVG: one hue for us, grey for the others, figures on the bars, every bar from zero."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, LABEL, BAR, GAP, FIGURE = 720, 216, 22, 8, 150
STYLE = """
  .paper{fill:#FBFAF7} .ink{fill:#1B1C1E} .quiet{fill:#5B5E63} .ours{fill:#0E6B50} .theirs{fill:#A3A6AB}
  .line{stroke:#E4E1DA} text{font:14px system-ui,sans-serif} .title{font-weight:600}
  @media (prefers-color-scheme:dark){.paper{fill:#131416} .ink{fill:#ECECEA} .quiet{fill:#A3A6AB}
  .ours{fill:#4CC79F} .theirs{fill:#5B5E63} .line{stroke:#2E3136}}
"""


class Bar(NamedTuple):
    """A rival and its figure."""

    label: str
    value: float
    is_ours: bool = False
    note: str = ""


class Panel(NamedTuple):
    """Bars that share a scale."""

    title: str
    bars: Sequence[Bar]


def svg(panels: Sequence[Panel]) -> str:
    """The chart, to be looked at by day and by night."""
    parts, top = [], 16
    for panel in panels:
        parts.append(_text(16, top + 14, panel.title, "ink title"))
        top += 32
        most = max((bar.value for bar in panel.bars), default=0) or 1
        first = top
        for bar in panel.bars:
            length = length_of(bar.value, most)
            kind = "ours" if bar.is_ours else "theirs"
            parts.append(_text(LABEL - 12, top + 16, bar.label, "ink", "end"))
            parts.append(f'<rect class="{kind}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3"/>')
            figure = f"{bar.value:,.0f}".replace(",", " ") + (f"  {bar.note}" if bar.note else "")
            parts.append(_text(LABEL + length + 8, top + 16, figure, "ink" if bar.is_ours else "quiet"))
            top += BAR + GAP
        parts.append(f'<line class="line" x1="{LABEL}" y1="{first}" x2="{LABEL}" y2="{top - GAP}"/>')
        top += 20
    told = "; ".join(
        f"{panel.title}: " + ", ".join(f"{bar.label} {bar.value:.0f}" for bar in panel.bars) for panel in panels
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
        f' role="img"><title>{escape(told)}</title><style>{STYLE}</style>'
        f'<rect class="paper" width="{WIDTH}" height="{top}" rx="14"/>' + "".join(parts) + "</svg>\n"
    )


def length_of(value: float, most: float) -> float:
    """How long a bar is, in pixels: in proportion, from zero."""
    return (WIDTH - LABEL - FIGURE) * value / most


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
