"""The pages of the project: their links lead somewhere, and their files are named as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("re*/README.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.(?:py|toml))`")


def text_of(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set()
    for line in text_of(page).splitlines():
        if line.startswith("#"):
            heading = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        # The tests run beside the sources or beside the installed package alone.
        if "src/minbits" in path and not (ROOT / "src").exists():
            continue
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_package_are_named_as_they_are(page: Path) -> None:
    import minbits

    if page.name == "CHANGELOG.md":
        pytest.skip("tells of files that were")
    package = Path(minbits.__file__).parent
    for name in SOURCE.findall(text_of(page)):
        if name.split("/")[0] in {"tests", "recipes", "bench", "docs", "examples", "build"}:
            continue
        assert (package / name.removeprefix("src/minbits/")).exists(), name
