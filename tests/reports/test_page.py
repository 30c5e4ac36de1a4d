"""The page as a file: complete, of one piece, and safe whatever names hold."""

from __future__ import annotations

import _thread
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import minbits
from minbits.errors import ArgumentError, LedgerError, OutputError
from minbits.files import sha256_hex
from minbits.jobs.report import plain_page, report_job
from minbits.jobs.report_request import ReportRequest
from minbits.ledger.store import open_ledger
from minbits.reports.page import VENDORED, json_in_html, plain
from tests.reports.examples import HOSTILE, add_claims, data_set, whole_ledger

MAX_BYTES = 3_000_000


class Elements(HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(folder: Path, ledger: Path, *names: str) -> str:
    request = ReportRequest(folder / "report.html", ledger=ledger, records=folder / "none")
    report_job(names, request)
    return (folder / "report.html").read_text(encoding="utf-8")


def specs_of(text: str) -> list[Any]:
    """Return the specifications of a page's charts."""
    found: list[Any] = json.loads(re.findall(r'id="specs">(.*?)</script>', text)[0])
    return found


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Heed interrupts, which whoever started the tests in the background may have turned off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    return page(folder, whole_ledger(folder, "one", "two"))


def test_every_part_is_on_the_page(whole: str) -> None:
    titles = re.findall(r"<h[123]>([^<]*)</h[123]>", whole)
    for title in (
        "Need against spend", "Does size follow what the data carries?", "Entropy of the inputs",
        "Codes of the labels", "Accuracy against bits", "Where the bits go", "Capacity",
        "Trainability", "Information plane", "Study: shoes", "Claims", "Provenance",
        "About this page",
    ):  # fmt: skip
        assert title in titles, title


def test_every_chart_has_a_table_behind_it(whole: str) -> None:
    found = Elements(whole)
    charts = sum(name == "data-chart" for name, _ in found.attributes)
    assert charts == len(specs_of(whole)) > 10
    assert found.tags.count("figure") == charts
    assert found.tags.count("table") > charts


def test_no_chart_or_link_leads_out_of_the_page(whole: str) -> None:
    for name, value in Elements(whole).attributes:
        if name in ("href", "src", "action", "data", "srcset", "poster"):
            assert value is not None
            assert value.startswith("#")
    assert "sourceMappingURL" not in whole
    assert len(whole.encode()) < MAX_BYTES


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the page of one and the same data set under a plain and under hostile names."""
    found = {}
    for name in ("plain", *HOSTILE):
        folder = tmp_path_factory.mktemp("page")
        found[name] = page(folder, whole_ledger(folder, name))
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(pages: dict[str, str], name: str) -> None:
    hostile = Elements(pages[name])
    # The same elements as with a plain name, and the name is there as it is.
    assert hostile.tags == Elements(pages["plain"]).tags
    assert not {"\u2028", "\u202e"} & set(pages[name])
    if "\u2028" not in name:
        assert any(name[:20] in shown for shown in hostile.texts)


def test_names_are_values_of_charts_and_never_keys_or_expressions(pages: dict[str, str]) -> None:
    def skeleton(value: object) -> object:
        """Return a specification without the values that it draws."""
        if isinstance(value, dict):
            return {
                k: skeleton(v) for k, v in value.items() if k not in ("values", "sort", "domain")
            }
        return [skeleton(item) for item in value] if isinstance(value, list) else value

    found = [skeleton(specs_of(text)) for text in pages.values()]
    assert all(item == found[0] for item in found)


def test_the_programs_are_those_that_npm_has() -> None:
    vendor = resources.files("minbits.reports") / "vendor"
    sums = dict(reversed(line.split()) for line in (vendor / "SHA256SUMS").read_text().splitlines())
    assert set(VENDORED) < set(sums)
    for name, digest in sums.items():
        assert sha256_hex((vendor / name).read_bytes()) == digest, name


def test_json_in_html_is_the_same_json() -> None:
    value = {"a": ["</script>", "<!--", "]]>", "&amp;", "\u2028\u2029", "\"'", "é"]}
    text = str(json_in_html(value))
    assert json.loads(text) == value
    assert not {"<", ">", "&", "\u2028"} & set(text)
    assert plain({"k": ["a\u202eb", 1, None]}) == {"k": ["a\\u202eb", 1, None]}


def test_a_ledger_without_rows_makes_a_page_that_says_so(tmp_path: Path) -> None:
    open_ledger(tmp_path / "ledger.sqlite").close()
    text = page(tmp_path, tmp_path / "ledger.sqlite")
    assert "nothing is known yet" in text
    assert "<code>minbits size DATA</code> searches" in text


def test_thirty_sets_fit_on_a_page(tmp_path: Path) -> None:
    text = page(tmp_path, whole_ledger(tmp_path, *(f"set {number}" for number in range(30))))
    assert len(text.encode()) < MAX_BYTES
    assert text.count('<details class="set"') == 30
    assert "Of 30 data sets 30 have a verified network" in text


def test_one_set_is_answered_in_one_sentence(tmp_path: Path) -> None:
    report = minbits.report(
        "one", ledger=whole_ledger(tmp_path, "one", "two"), out=tmp_path / "r.html",
        records=tmp_path / "none",
    )  # fmt: skip
    assert report.answer.startswith("one needs at most 7,312 bits of network at 99 %")
    assert "take 72 bits given the inputs (prequential code)." in report.answer
    assert plain_page(report)["data"][0]["size_bits"] == 7312


def test_the_same_ledger_gives_the_same_page(tmp_path: Path) -> None:
    ledger = whole_ledger(tmp_path, "one")
    one, two = (re.sub(r"\d{4}-\d\d-\d\dT[\d:+]*", "", page(tmp_path, ledger)) for _ in range(2))
    assert one == two


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"ends in \.html"):
        report_job((), ReportRequest(tmp_path / "report.txt"))
    with pytest.raises(LedgerError, match="got no file"):
        report_job((), ReportRequest(tmp_path / "r.html", ledger=tmp_path / "none.sqlite"))
    ledger = whole_ledger(tmp_path, "one").rename(tmp_path / "ledger.html")
    with pytest.raises(OutputError):
        report_job((), ReportRequest(ledger, ledger=ledger))


@pytest.mark.usefixtures("interruptible")
def test_a_watched_page_is_written_again_and_comes_to_rest(tmp_path: Path) -> None:
    out, ledger = tmp_path / "r.html", whole_ledger(tmp_path, "one")
    written: list[str] = []
    seen: list[str] = []

    def waited_for(pages: int) -> None:
        deadline = time.monotonic() + 60
        while len(written) < pages and time.monotonic() < deadline:
            time.sleep(0.02)

    def search() -> None:
        """Append a claim once the page is there, and stop watching once it shows it."""
        try:
            waited_for(1)
            with open_ledger(ledger) as store:
                add_claims(store, data_set("two", 1), ("dependent", 0.9, 950))
            waited_for(2)
            seen.append(out.read_text(encoding="utf-8"))
        finally:
            _thread.interrupt_main()

    thread = threading.Thread(target=search)
    thread.start()
    request = ReportRequest(out, ledger=ledger, records=tmp_path / "none", watch=True)
    report = report_job((), request, written.append)
    thread.join()
    assert report.interrupted
    assert 'data-refresh="20"' in seen[0]
    assert [len(item.claims) for item in report.data] == [3, 1]
    assert 'data-refresh="0"' in out.read_text(encoding="utf-8")
