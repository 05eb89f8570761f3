# SPDX-License-Identifier: MIT
"""A small generator of charts: grouped bars and lines, on a logarithmic axis of nanoseconds."""
import math
from xml.sax.saxutils import escape

COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a0522d"]
STYLE = ("text{font:12px sans-serif;fill:#24292f}.t{font-size:14px;font-weight:bold}"
         ".g{stroke:#8886;stroke-width:1}.a{stroke:#888;stroke-width:1}"
         "@media(prefers-color-scheme:dark){text{fill:#d0d7de}}")
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 58, 44


def number(v):
    if v >= 1e6:
        return f"{v / 1e6:g} ms"
    if v >= 1e3:
        return f"{v / 1e3:g} µs"
    return f"{v:g} ns"


class Chart:
    """A frame with a title, a legend and a logarithmic vertical axis."""

    def __init__(self, title, names, values, width=820, height=360):
        self.width, self.height, self.names = width, height, names
        values = [v for v in values if v and v > 0]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))
        self.out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                    f'role="img" aria-label="{escape(title)}">', f"<style>{STYLE}</style>",
                    f'<text class="t" x="{LEFT}" y="18">{escape(title)}</text>']
        self.legend()
        self.grid()

    def legend(self):
        x = LEFT
        for i, name in enumerate(self.names):
            self.out.append(f'<rect x="{x}" y="28" width="11" height="11" fill="{COLORS[i]}"/>')
            self.out.append(f'<text x="{x + 15}" y="38">{escape(name)}</text>')
            x += 28 + 7 * len(name)

    def grid(self):
        for power in range(self.low, self.high + 1):
            y = self.y(10.0 ** power)
            self.out.append(f'<line class="g" x1="{LEFT}" x2="{self.width - RIGHT}" '
                            f'y1="{y:.1f}" y2="{y:.1f}"/>')
            self.text(LEFT - 6, y + 4, number(10.0 ** power), "end")

    def y(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.height - BOTTOM - part * (self.height - BOTTOM - TOP)

    def text(self, x, y, what, anchor="middle"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
                        f"{escape(str(what))}</text>")

    def finish(self):
        base = self.height - BOTTOM
        self.out.append(f'<line class="a" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{base}" '
                        f'y2="{base}"/>')
        return "\n".join(self.out + ["</svg>"]) + "\n"


def bars(title, names, groups):
    """groups: list of (label, [value or None for each name])."""
    chart = Chart(title, names, [v for _, values in groups for v in values])
    room = (chart.width - LEFT - RIGHT) / len(groups)
    wide = room * 0.82 / len(names)
    base = chart.height - BOTTOM
    for g, (label, values) in enumerate(groups):
        x = LEFT + g * room + room * 0.09
        chart.text(LEFT + (g + 0.5) * room, base + 18, label)
        for i, value in enumerate(values):
            if value:
                y = chart.y(value)
                chart.out.append(
                    f'<rect x="{x + i * wide:.1f}" y="{y:.1f}" width="{wide * 0.92:.1f}" '
                    f'height="{base - y:.1f}" fill="{COLORS[i]}"><title>{escape(names[i])}: '
                    f"{value:.3g} ns</title></rect>")
    return chart.finish()


def lines(title, names, xs, series, x_title):
    """series: for each name a list of values or None, one for each x; x is spaced evenly."""
    chart = Chart(title, names, [v for values in series for v in values])
    room = (chart.width - LEFT - RIGHT - 40) / max(1, len(xs) - 1)
    at = [LEFT + 20 + i * room for i in range(len(xs))]
    for x, label in zip(at, xs):
        chart.text(x, chart.height - BOTTOM + 18, label)
    chart.text((LEFT + chart.width) / 2, chart.height - 8, x_title)
    for i, values in enumerate(series):
        points = [(x, chart.y(v)) for x, v in zip(at, values) if v]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        chart.out.append(f'<polyline fill="none" stroke="{COLORS[i]}" stroke-width="2" '
                         f'points="{path}"/>')
        for (x, y), value in zip(points, [v for v in values if v]):
            chart.out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLORS[i]}">'
                             f"<title>{escape(names[i])}: {value:.3g} ns</title></circle>")
    return chart.finish()
