"""The HTML report as a person gets it: well-formed, self-contained, escaped, and looked at by a real browser."""

from __future__ import annotations

import contextlib
import functools
import html
import html.parser
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import pytest

from selextract_infra.assess.assessment import assess_measurements
from selextract_infra.assess.headroom import headroom_of
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.flow.outlook import Outlook
from selextract_infra.operations.report.page import PlanningQuestion, page_content, write_page
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.planning.forecast.series import Series
from selextract_infra.policy import default_policy

POLICY = default_policy()
AT = datetime(2025, 10, 20, 9, 0, tzinfo=UTC)
HOSTILE = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{ 7*7 }}", "</svg>&\"'", "\x1b[31mred\x1b[0m")
WIDTHS = {"desktop": 1100, "phone": 360}
_BOUND_SECONDS = 90
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def page_text(folder: Path) -> str:
    now = AT.timestamp()
    at = [now - 15 * (39 - number) for number in range(40)]
    measurements = [
        Measurement(metric, subject, Samples(at, [value] * 40, 15), "worker")
        for subject in ("worker", *HOSTILE)
        for metric, value in (("cpu_usage", 0.96), ("memory_usage", 0.5), ("error_rate", 0.02))
    ]
    headroom = tuple(
        headroom_of(name, "memory", "bytes of RAM", used, 2e9, POLICY)
        for name, used in (("api", 1.2e9), ("worker", 1.4e9), *((name, 1.9e9) for name in HOSTILE))
    )
    days = np.arange(200)
    values = 400 + 2.2 * days + 15 * np.sin(days / 7 * 2 * np.pi) + np.random.default_rng(7).normal(0, 4, 200)
    series = Series(f"storage {HOSTILE[0]}", date(2025, 4, 3), values)
    content = page_content(
        POLICY,
        PlanningQuestion(today=date(2025, 10, 20), start=date(2025, 2, 1), done=("RP1-M1", "VP1")),
        title=f"Capacity of {HOSTILE[1]}",
        made_at=AT,
        hosts=HOSTILE,
        assessment=assess_measurements(measurements, POLICY, AT, source=HOSTILE[2], headroom=headroom),
        ahead=Outlook(
            (
                forecast(series, POLICY, limit=1000, usable=900),
                forecast(Series("users", date(2025, 10, 1), values[:14]), POLICY, limit=1000),
            )
        ),
    )
    file = folder / "report.html"
    write_page(content, file)
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return page_text(folder)


class Outline(html.parser.HTMLParser):
    """Counts tags and collects what the checks ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.figures: list[str] = []
        self.heads_without_scope = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.tags[tag] += 1
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href") and value]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "figure":
            self.figures.append(names.get("aria-label") or "")
        if tag == "th" and "scope" not in names:
            self.heads_without_scope += 1


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    return outline


def test_the_page_needs_nothing_from_elsewhere(page: str, outline: Outline) -> None:
    assert not [link for link in outline.links if not link.startswith(("#", "data:,"))]
    assert not re.search(r"@import|url\((?!#)", page)
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_names_from_hosts_are_text(page: str, outline: Outline) -> None:
    assert outline.tags["script"] == outline.tags["img"] == outline.tags["iframe"] == 0
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert "\x1b" not in page


def test_every_plot_is_there_in_two_widths_and_well_formed(page: str, outline: Outline) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(plots) == 2 * len(outline.figures) == 8
    for plot in plots:
        expat.ParserCreate().Parse(plot, True)
    assert not re.findall(r"#0f[0-9a-f]{2}0e", page)


def test_the_page_is_accessible(page: str, outline: Outline) -> None:
    assert '<html lang="en">' in page
    assert outline.tags["h1"] == outline.tags["main"] == outline.tags["nav"] == 1
    assert all(later - earlier <= 1 for earlier, later in zip(outline.headings, outline.headings[1:], strict=False))
    assert all(len(description) > 30 for description in outline.figures)
    assert outline.heads_without_scope == 0
    doubled = [name for name, count in Counter(outline.ids).items() if count > 1]
    assert doubled == []


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [0, 1, 2], ids=["light", "dark", "paper"])
def test_text_and_plots_have_enough_contrast(page: str, palette: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", blocks[palette]))
    for text in ("ink", "muted", "accent", "ok", "warning", "critical"):
        assert contrast(colours[text], colours["surface"]) >= 4.5, text
        assert contrast(colours[text], colours["raised"]) >= 4.5, text
    for tone in ("ok", "warning", "critical"):
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
        assert contrast(colours["ink"], colours[f"{tone}-soft"]) >= 4.5, tone
    for part in ("cpu", "memory", "storage", "network"):
        assert contrast(colours[part], colours["surface"]) >= 3, part


def test_a_page_without_hosts_says_what_is_missing(tmp_path: Path) -> None:
    content = page_content(POLICY, PlanningQuestion(today=date(2025, 10, 20)), title="Plans", made_at=AT)
    file = tmp_path / "plans.html"
    write_page(content, file)
    text = file.read_text(encoding="utf-8")
    assert "Nothing was judged" in text
    assert "There is no forecast" in text
    assert "as if it began today" in text
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_same_content_makes_the_same_page(page: str, tmp_path: Path) -> None:
    assert page_text(tmp_path) == page


PROBE = """<!doctype html><title>probe</title><iframe id="page" style="border:0"></iframe><pre id="out"></pre><script>
const frame = document.getElementById("page"), found = {};
const widths = WIDTHS, names = Object.keys(widths);
function measure(name) {
  const page = frame.contentDocument, root = page.documentElement;
  const seen = [...page.querySelectorAll("figure svg")].filter(one => one.getClientRects().length);
  const texts = seen.flatMap(one => [...one.querySelectorAll("text")]).map(one => one.getBoundingClientRect());
  found[name] = {
    width: root.clientWidth, scrolls: root.scrollWidth, plots: seen.length,
    smallest: Math.min(...texts.map(one => one.height)), texts: texts.length,
    beyond: texts.filter(one => one.right > root.clientWidth + 1 || one.left < -1).length,
    background: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    colour: frame.contentWindow.getComputedStyle(seen[0].querySelector("text")).fill,
    scripts: page.scripts.length, title: page.title,
  };
}
function next() {
  const name = names.shift();
  if (!name) { document.getElementById("out").textContent = JSON.stringify(found); return; }
  frame.style.width = widths[name] + "px"; frame.style.height = "800px";
  requestAnimationFrame(() => requestAnimationFrame(() => { measure(name); next(); }));
}
frame.onload = next;
frame.src = "report.html";
</script>"""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if _CHROMIUM is None:
        pytest.fail("Chromium is not here; get it with: scripts/chromium")
    return subprocess.run(
        [
            _CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", *arguments,
        ],
        capture_output=True, text=True, timeout=_BOUND_SECONDS, check=False,
    )  # fmt: skip


def _said(stderr: str) -> list[str]:
    """What the page wrote to the console: errors, blocked requests, violated policies."""
    return [line for line in stderr.splitlines() if ":CONSOLE" in line]


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_browser_shows_it_without_a_complaint_at_every_width(
    page: str, folder: Path, scheme: str, dark: bool
) -> None:
    assert page
    (folder / "probe.html").write_text(PROBE.replace("WIDTHS", json.dumps(WIDTHS)), encoding="utf-8")
    setting = "--blink-settings=preferredColorScheme=" + ("0" if dark else "1")
    with served(folder) as address:
        result = chromium(folder, setting, "--virtual-time-budget=10000", "--dump-dom", f"{address}/probe.html")
    assert _said(result.stderr) == []
    found = json.loads(html.unescape(re.findall(r'<pre id="out">(.*?)</pre>', result.stdout, flags=re.DOTALL)[0]))
    assert set(found) == set(WIDTHS)
    for name, seen in found.items():
        assert seen["width"] == WIDTHS[name]
        assert seen["scrolls"] <= seen["width"], f"{name} scrolls sideways"
        assert seen["plots"] == 4
        assert seen["texts"] > 40
        assert seen["smallest"] >= 9
        assert seen["beyond"] == 0
        assert seen["scripts"] == 0
        background, colour = (_rgb(seen[what]) for what in ("background", "colour"))
        assert contrast(background, colour) >= 7
        assert (_luminance(background) < 0.1) is dark


def test_a_complaint_of_the_browser_would_be_heard(folder: Path) -> None:
    (folder / "bad.html").write_text("<title>bad</title><script>console.error('broken')</script>", encoding="utf-8")
    with served(folder) as address:
        result = chromium(folder, "--dump-dom", f"{address}/bad.html")
    assert len(_said(result.stderr)) == 1


def _rgb(text: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", text)[:3])


def test_it_prints(page: str, folder: Path) -> None:
    assert page
    paper = folder / "report.pdf"
    with served(folder) as address:
        result = chromium(folder, "--no-pdf-header-footer", f"--print-to-pdf={paper}", f"{address}/report.html")
    assert _said(result.stderr) == []
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes())) <= 20
