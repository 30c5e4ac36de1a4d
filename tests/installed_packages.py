"""What minbits depends on, read from the metadata of what is installed.

``python -m tests.installed_packages > docs/licences.md`` writes the page of licences anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DISTRIBUTION = "minbits"
EXTRAS = (
    "arff", "audit", "datasets", "dimension", "energy", "excel", "mnist1d", "optuna", "parquet",
    "postgres", "ray",
)  # fmt: skip
LONGEST_NAME = 60  # a longer field holds the licence's text, not its name

HEAD = """# Licences of what minbits uses

minbits itself is under Apache-2.0 ([LICENSE](../LICENSE), [NOTICE](../NOTICE)). It holds no code of
the packages below: pip installs them beside it. Licences are as each package's own metadata says,
in the version of [constraints.txt](../constraints.txt): the field `License-Expression`, or else
`License`, or else the classifiers. A package that others of the list need stands where it is first
needed. `python -m tests.installed_packages > docs/licences.md` writes this page, and a test
compares it with what is installed.

PyTorch from PyPI for Linux also brings NVIDIA's CUDA libraries, which are under NVIDIA's own terms.
PyTorch for the CPU alone does not, and minbits needs no more than that.

The page of `minbits report` is drawn by Vega, Vega-Lite and Vega-Embed (BSD-3-Clause). These are in
the package, unchanged, with their licences: src/minbits/reports/vendor
([report.md](report.md#how-it-is-made)).
"""


@dataclass(frozen=True)
class Installed:
    """An installed package.

    ``is_locked`` says that a package that needs it asks for exactly one version of it.
    """

    name: str
    version: str
    licence: str
    is_locked: bool


def licence_of(metadata: PackageMetadata) -> str:
    """Return the licence that a package states, in its own words."""
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    plain = (metadata.get("License") or "").strip()
    if plain and "\n" not in plain and len(plain) <= LONGEST_NAME:
        return plain
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or []
        if text.startswith("License :: ")
    ]
    return "; ".join(classifiers) or "not stated"


def needed_by(*extras: str) -> dict[str, Installed]:
    """Return what minbits with some extras needs and what is installed of it, by canonical name."""
    found: dict[str, Installed] = {}
    seen: dict[str, set[str]] = {}
    queue = [(DISTRIBUTION, frozenset(extras), False)]
    while queue:
        name, wanted, is_locked = queue.pop()
        key = canonicalize_name(name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed, or another platform's
        if key != DISTRIBUTION and (key not in found or is_locked):
            metadata = installed.metadata
            found[key] = Installed(
                metadata["Name"], installed.version, licence_of(metadata), is_locked
            )
        if key in seen and wanted <= seen[key]:
            continue
        seen.setdefault(key, set()).update(wanted)
        for text in installed.requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *wanted)):
                exact = any(part.operator == "==" for part in requirement.specifier)
                queue.append((requirement.name, frozenset(requirement.extras), exact))
    return found


def licence_groups() -> dict[str, list[Installed]]:
    """Return what is installed, grouped by what first needs it: the core, an extra, the tests."""
    groups: dict[str, list[Installed]] = {}
    known: set[str] = set()
    for title, extras in (
        ("Core", ()),
        *((f"Extra `{name}`", (name,)) for name in EXTRAS),
        ("Tests and development (extra `dev`)", ("dev",)),
    ):
        new = {key: item for key, item in needed_by(*extras).items() if key not in known}
        known |= set(new)
        groups[title] = [new[key] for key in sorted(new)]
    return groups


def licence_page() -> str:
    """Return the page of licences as Markdown."""
    lines = [HEAD]
    for title, group in licence_groups().items():
        if group:
            lines += [f"## {title}\n", "| package | licence |", "|---|---|"]
            lines += [f"| {item.name} | {item.licence} |" for item in group]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(licence_page(), end="")
