"""Which images a folder holds and what they are labelled, in the layouts that people have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minbits.data.csv_file import read_rows
from minbits.data.image_file import FORMAT_NAMES, is_image
from minbits.data.label_column import named_places, stated_label
from minbits.data.options import LoadOptions
from minbits.data.typed_columns import listed
from minbits.errors import DataError
from minbits.types import Remark

_PARTS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("val", "valid", "validation", "dev"),
}
_MAX_LEVELS = 4
_NOT_DATA = ("__MACOSX",)
_MIN_FILES_A_CLASS = 2
# How labels stand in names of files: cat.12, 7_00012, 00012_7.
_NAMINGS = (
    ("before the number", re.compile(r"(?P<label>[^\W\d_].*?)[\s._-]*\(?\d+\)?")),
    ("before the first '_' or '-'", re.compile(r"(?P<label>[^_-]+)[_-].+")),
    ("after the last '_' or '-'", re.compile(r".+[_-](?P<label>[^_-]+)")),
)

Example = tuple[Path, str]


@dataclass(frozen=True)
class ImageLayout:
    """Images with the names of their classes.

    Attributes:
        train: training examples.
        test: the test set, None where there is none.
        remarks: what was decided.
    """

    train: list[Example]
    test: list[Example] | None
    remarks: tuple[Remark, ...]


def has_images(folder: Path, levels: int = _MAX_LEVELS) -> bool:
    """Return whether a folder holds images, some levels down at most."""
    found = sorted(folder.iterdir())
    if any(is_image(item) and item.is_file() for item in found):
        return True
    return levels > 1 and any(has_images(item, levels - 1) for item in _folders(folder))


def _folders(folder: Path) -> list[Path]:
    return sorted(
        item
        for item in folder.iterdir()
        if item.is_dir() and not item.name.startswith(".") and item.name not in _NOT_DATA
    )


def _images(folder: Path) -> list[Path]:
    # A pipe or a device of such a name is refused where it is opened.
    return sorted(item for item in folder.iterdir() if is_image(item) and not item.is_dir())


def find_images(path: Path, options: LoadOptions) -> ImageLayout:
    """Return the examples of a folder.

    Raises:
        DataError: if nothing says which class an image is of.
    """
    remarks: list[Remark] = []
    folder = _lowest_start(path, remarks)
    parts = _parts(folder)
    if "train" not in parts:
        return ImageLayout(_examples(folder, options, remarks), None, tuple(remarks))
    train = _examples(parts["train"], options, remarks)
    test: list[Example] | None = None
    if "test" in parts and any(map(_images, _folders(parts["test"]))):
        test = _examples(parts["test"], options, remarks)
    elif "test" in parts:
        text = f"'{parts['test'].name}' has no folders of classes, so that it is left out."
        remarks.append(Remark("test_without_labels", text))
    if "validation" in parts:
        shown = f"'{parts['validation'].name}'"
        more = _examples(parts["validation"], options, remarks)
        if test is None:
            test = more
            remarks.append(Remark("validation", f"{shown} is the test set."))
        else:
            train = sorted([*train, *more])
            text = f"{shown} is for training, too: a search draws validation examples of its own."
            remarks.append(Remark("validation", text))
    return ImageLayout(train, test, tuple(remarks))


def _lowest_start(path: Path, remarks: list[Remark]) -> Path:
    """Return the folder where classes or parts begin; somebody may have named one above it."""
    folder = path
    while not _images(folder) and not _parts(folder):
        inner = [item for item in _folders(folder) if has_images(item)]
        if len(inner) != 1 or _images(inner[0]):
            break
        folder = inner[0]
    if folder != path:
        name = folder.relative_to(path)
        remarks.append(Remark("inner_folder", f"The images are read from the folder '{name}'."))
    return folder


def _parts(folder: Path) -> dict[str, Path]:
    """Return the folders of training, test and validation examples; none without training."""
    found = {}
    for item in _folders(folder):
        for part, names in _PARTS.items():
            if item.name.lower() in names and part not in found:
                found[part] = item
    return found if "train" in found and len(found) > 1 else {}


def _examples(folder: Path, options: LoadOptions, remarks: list[Remark]) -> list[Example]:
    """Return image paths with their classes, in the order of names."""
    groups = _folders(folder)
    found: list[Example] = []
    empty = []
    for group in groups:
        _check_class_name(group)
        files = _images(group)
        found.extend((file, group.name) for file in files)
        if not files:
            empty.append(group.name)
    if not found:
        flat = _images(folder)
        if flat:
            return _labelled(folder, flat, options, remarks)
        raise DataError(
            str(folder), "no images in folders of classes", f"one folder of {FORMAT_NAMES} a class",
            "Name the folder that holds the folders of classes.",
        )  # fmt: skip
    if options.label is not None:
        raise DataError(
            str(folder), f"`label` '{options.label}' for folders of classes",
            "a table of labels beside the images", "Leave it out.",
        )  # fmt: skip
    if empty:
        text = f"Folders without images are left out: {listed(empty)}."
        remarks.append(Remark("empty_class", text))
    return found


def _check_class_name(group: Path) -> None:
    """Refuse a class whose name is no text."""
    try:
        group.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            str(group), "a name that is not UTF-8", "the name of a class, in UTF-8", "Rename it."
        ) from error


def _labelled(
    folder: Path, images: list[Path], options: LoadOptions, remarks: list[Remark]
) -> list[Example]:
    """Return images that lie side by side, with labels from a table or from their names."""
    for image in images:
        _check_class_name(image)
    tables = sorted(item for item in folder.iterdir() if item.suffix.lower() in (".csv", ".tsv"))
    for table in tables:
        found = _from_table(table, images, options)
        if found is not None:
            text = f"Labels are those of {table.name}."
            if len(found) < len(images):
                text += f" {len(images) - len(found):,} images that it does not name are left out."
            remarks.append(Remark("labels_of_images", text))
            return found
    for what, naming in _NAMINGS:
        labels = list(_matches(naming, images))
        if _are_classes(labels, len(images)):
            text = f"Labels are the part {what} in the names of the files."
            remarks.append(Remark("labels_of_images", text))
            return list(zip(images, labels, strict=True))
    raise DataError(
        str(folder), f"{len(images):,} images side by side, such as {images[0].name}",
        "one folder a class, a table of file names and labels, or names such as cat.12.png",
        "Put the images of each class into a folder of its own.",
    )  # fmt: skip


def _matches(naming: re.Pattern[str], images: list[Path]) -> Iterator[str]:
    for image in images:
        match = naming.fullmatch(image.stem)
        if match is not None:
            yield match["label"].strip(" ._-") or match["label"]


def _are_classes(labels: list[str], images: int) -> bool:
    counts = Counter(labels)
    return (
        len(labels) == images
        and len(counts) > 1
        and all(count >= _MIN_FILES_A_CLASS for count in counts.values())
    )


def _from_table(table: Path, images: list[Path], options: LoadOptions) -> list[Example] | None:
    """Return the images that a table names, with its labels; None where it names none.

    Raises:
        DataError: if the table cannot be read, or nothing says which column holds the labels.
    """
    by_name = {image.name: image for image in images} | {image.stem: image for image in images}
    rows = [list(row.values) for row in read_rows(table, options.encoding)]
    if len(rows) < 2:
        return None
    header, first = rows[0], rows[1]
    place = next((i for i, value in enumerate(first) if Path(value.strip()).name in by_name), None)
    if place is None:
        return None
    label = _label_place(header, place, str(table), options)
    start = 0 if Path(header[place].strip()).name in by_name else 1
    found = []
    for row in rows[start:]:
        if len(row) > max(place, label):
            image = by_name.get(Path(row[place].strip()).name)
            if image is not None:
                found.append((image, row[label].strip()))
    return found


def _label_place(header: list[str], names: int, where: str, options: LoadOptions) -> int:
    if options.label is not None:
        return stated_label(header, options.label, where)
    named = [place for place in named_places(header) if place != names]
    others = [place for place in range(len(header)) if place != names]
    if named or len(others) == 1:
        return (named or others)[0]
    raise DataError(
        where, f"columns {listed(header)}", "one that is plainly the label",
        "Name the label column with `label`.",
    )  # fmt: skip
