"""Every installed dependency is pinned, and its licence is on the page of licences."""

from __future__ import annotations

import os
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.installed_packages import DISTRIBUTION, EXTRAS, licence_groups, needed_by

ROOT = Path(__file__).parents[1]


def pins() -> dict[str, Version]:
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            requirement = Requirement(text)
            (exact,) = requirement.specifier
            assert exact.operator == "=="
            found[canonicalize_name(requirement.name)] = Version(exact.version)
    return found


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="other versions may be installed here")
def test_every_installed_dependency_is_pinned_to_its_version() -> None:
    pinned = pins()
    installed = needed_by("dev")
    assert len(installed) > 50
    unpinned = {
        item.name: item.version
        for key, item in installed.items()
        if key not in pinned and not item.is_locked
    }
    assert unpinned == {}
    # A local part of a version, such as +cpu, names a build of the same version.
    others = {
        item.name: (item.version, str(pinned[key]))
        for key, item in installed.items()
        if key in pinned and Version(item.version).public != pinned[key].public
    }
    assert others == {}


def test_the_extras_are_those_of_the_package() -> None:
    listed = set(distribution(DISTRIBUTION).metadata.get_all("Provides-Extra") or [])
    assert set(EXTRAS) <= listed
    # Of the rest, each is a part of one that is listed, or the one of the tests.
    assert listed - set(EXTRAS) == {"dev", "safetensors", "zstandard"}


def test_the_licences_on_the_page_are_those_of_the_packages() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith("| package")
    ]
    written = {canonicalize_name(name): licence for name, licence in rows}
    assert len(written) == len(rows)
    installed = [item for group in licence_groups().values() for item in group]
    assert {canonicalize_name(item.name): item.licence for item in installed}.items() <= (
        written.items()
    )


def test_every_package_stands_in_one_group() -> None:
    groups = licence_groups()
    names = [item.name for group in groups.values() for item in group]
    assert len(names) == len(set(names))
    assert {"torch", "numpy", "typer"} <= {item.name for item in groups["Core"]}
    assert "pyarrow" in {item.name for item in groups["Extra `parquet`"]} | {
        item.name for item in groups["Extra `ray`"]
    }
