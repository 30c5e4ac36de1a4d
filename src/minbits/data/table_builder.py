"""Gathering the rows of a table, from whatever file they come, up to typed values and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import Pair, assemble
from minbits.data.label_column import (
    LabelCandidate,
    candidate_places,
    choose_label,
    named_places,
    stated_label,
)
from minbits.data.labels import text_labels
from minbits.data.large_arrays import BlockStore, allocate, take, take_columns
from minbits.data.limits import check_column_count
from minbits.data.options import LoadOptions, check_inputs_fit
from minbits.data.rare_classes import common_rows
from minbits.data.tables import RawTable, assemble_table
from minbits.data.typed_columns import ColumnTyper, listed, shorten
from minbits.errors import DataError
from minbits.plain_text import suggested
from minbits.types import Column, DataSet, Remark

_CHUNK = 65_536
_MAX_BYTE = 255

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class ReadTable:
    """A table as its file has it.

    Attributes:
        columns: their names, kinds and categories, the label column not among them.
        train: values and labels.
        test: the same of a test set, where the file had one.
        label_column: the name of the label column.
        label_reason: why it was taken.
        remarks: what was decided while it was read.
    """

    columns: tuple[Column, ...]
    train: RawTable
    test: RawTable | None
    label_column: str
    label_reason: str
    remarks: tuple[Remark, ...]


class TableBuilder:
    """Gathers the rows of one table, from one file or from a training and a test file.

    Args:
        names: of the columns.
        options: what the user said.
        where: what to call the source in an error.
        has_header: whether the names are the file's own.
        texts: columns whose schema says that they hold text.

    Raises:
        DataError: if there are too many columns, two of one name, or none of a given name.
    """

    def __init__(
        self,
        names: Sequence[str],
        options: LoadOptions,
        where: str,
        has_header: bool = True,
        texts: Sequence[str] = (),
    ) -> None:
        check_column_count(where, len(names))
        _check_names(names, where)
        for name in (*options.categorical, *options.drop):
            if name not in names:
                raise DataError(
                    where,
                    f"no column '{name}'",
                    listed(names),
                    suggested(name, names, "Name one of these."),
                )
        self.names = list(names)
        self.options = options
        self.has_header = has_header
        dropped = set(options.drop)
        kept = [place for place, name in enumerate(names) if name not in dropped]
        if not kept:
            raise DataError(where, "no column that is kept", "two at least", "Drop fewer of them.")
        self._may_be_label = self._label_places([names[place] for place in kept], kept, where)
        declared = {*options.categorical, *texts}
        self.typers = [
            ColumnTyper(
                names[place], place, names[place] in declared, place in self._may_be_label,
                options.decimal,
            )
            for place in kept
        ]  # fmt: skip
        self.store = BlockStore(len(self.typers))
        self.remarks: list[Remark] = []
        self._sources: list[tuple[int, str, Sequence[int]]] = []

    def _label_places(self, names: list[str], kept: list[int], where: str) -> list[int]:
        """Return the indices of the columns that may hold the labels; a stated one is the only."""
        if self.options.label is not None:
            return [kept[stated_label(names, self.options.label, where)]]
        if self.has_header and len(named_places(names)) == 1:
            return [kept[named_places(names)[0]]]
        return [kept[place] for place in candidate_places(names)]

    def add_text(self, columns: Sequence[Sequence[str]], where: str, rows: Sequence[int]) -> None:
        """Add rows given column by column as text, all columns of the file."""
        self.add(lambda typer: typer.add_text(columns[typer.place], where, rows), where, rows)

    def add(
        self, values: Callable[[ColumnTyper], FloatArray], where: str, rows: Sequence[int]
    ) -> None:
        """Add the rows of which ``values`` gives the values of a column.

        Args:
            values: of the column of a typer, which has turned them into numbers.
            where: what to call the source in an error.
            rows: their numbers there.
        """
        self._sources.append((self.store.rows, where, rows))
        self.store.append(np.stack([values(typer) for typer in self.typers], axis=1))

    def _place(self, index: int) -> str:
        """Return file and row of a row of the store."""
        start, where, rows = next(item for item in reversed(self._sources) if item[0] <= index)
        return f"{where}, row {rows[index - start]}"

    def finish(self, train_rows: int | None, where: str) -> ReadTable:
        """Return what was read.

        Args:
            train_rows: how many rows are for training, where the rest is a test set.
            where: what to call the source in an error.

        Raises:
            DataError: if there are no rows, a label is missing, has a fraction or isn't exact, or
                no column is plainly the label.
        """
        if self.store.rows == 0:
            raise DataError(where, "no rows below the header", "examples", "Check the file.")
        values = self.store.finish()
        label, reason = self._chosen_label(values, where)
        columns = []
        for index, typer in enumerate(self.typers):
            column, final = typer.column(is_label=index == label)
            columns.append(column)
            if final is not None and len(final):
                _recode(values[:, index], final)
        error = self.typers[label].inexact_label
        if error is not None:
            raise error
        kept = self._kept_rows(values)
        labels = self._labels(columns[label], values[:, label], kept)
        inputs = [index for index in range(len(columns)) if index != label]
        raw = RawTable(take_columns(values, inputs), labels)
        train, test = self._split(raw, kept, train_rows)
        found = (typer.remark() for typer in self.typers)
        return ReadTable(
            columns=tuple(columns[index] for index in inputs),
            train=train,
            test=test,
            label_column=self.typers[label].name,
            label_reason=reason,
            remarks=(*self.remarks, *(remark for remark in found if remark is not None)),
        )

    def _chosen_label(self, values: FloatArray, where: str) -> tuple[int, str]:
        """Return the index of the label among the columns that are kept, and why it is taken."""
        places = [typer.place for typer in self.typers]
        possible = [places.index(place) for place in self._may_be_label]
        if self.options.label is not None:
            return possible[0], "as named"
        found = [_candidate(self.typers[index], values[:, index], index) for index in possible]
        try:
            return choose_label(found, self.has_header, where)
        except DataError as error:
            inexact = (self.typers[index].inexact_label for index in possible)
            raise next((item for item in inexact if item is not None), error) from error

    def _kept_rows(self, values: FloatArray) -> Mask:
        kept = np.ones(len(values), bool)
        if not self.options.drop_missing:
            return kept
        for start in range(0, len(values), _CHUNK):
            rows = slice(start, start + _CHUNK)
            kept[rows] = ~np.isnan(values[rows]).any(axis=1)
        return self._leave_out("rows in which a value is missing", ~kept, np.ones_like(kept))

    def _leave_out(self, what: str, rows: Mask, kept: Mask) -> Mask:
        """Return which rows are kept after some are left out, and remember how many these are."""
        count = int((rows & kept).sum())
        if count:
            self.remarks.append(Remark("rows_left_out", f"{count:,} {what} are left out."))
        kept = kept & ~rows
        if not kept.any():
            raise DataError(
                self._place(0), f"{what}, and no others", "rows that are kept",
                "Leave out columns with `drop` instead.",
            )  # fmt: skip
        return kept

    def _labels(self, column: Column, values: FloatArray, kept: Mask) -> npt.NDArray[Any]:
        """Return integers or text, one a row; of rows that are not kept, any label."""
        place = f"column '{column.name}'"
        missing = np.flatnonzero(np.isnan(values) & kept)
        if len(missing):
            raise DataError(
                f"{self._place(int(missing[0]))}, {place}",
                "no label",
                "a label in every row",
                "Fill it in, leave such rows out with `drop_missing`, or name another column with "
                "`label`.",
            )
        values = np.where(kept, values, values[kept][0])
        if column.kind == "categorical":
            where = f"{self._place(0)}, {place}"
            return text_labels(column.categories, where)[values.astype(np.int64)]
        fractions = np.flatnonzero(values != np.floor(values))
        if len(fractions):
            first = int(fractions[0])
            raise DataError(
                f"{self._place(first)}, {place}",
                f"the label {values[first]:g}",
                "classes: text or whole numbers",
                "Is this a regression? Name the label column with `label`, or bin its values.",
            )
        return values.astype(np.int64)

    def _split(
        self, raw: RawTable, kept: Mask, train_rows: int | None
    ) -> tuple[RawTable, RawTable | None]:
        end = len(kept) if train_rows is None else train_rows
        if self.options.drop_rare:
            common = common_rows(raw.labels, kept, end, self.store.rows > end)
            kept = self._leave_out("rows of rare classes", ~common, kept)
        train = raw if train_rows is None else RawTable(raw.values[:end], raw.labels[:end])
        test = None if train_rows is None else RawTable(raw.values[end:], raw.labels[end:])
        if kept.all():
            return train, test
        return _some(train, kept[:end]), None if test is None else _some(test, kept[end:])


def table_data_set(
    name: str, read: ReadTable, options: LoadOptions, where: str, origin: str
) -> DataSet:
    """Return the data set of a table: typed columns, or images where the user gave their shape.

    Raises:
        DataError: as `minbits.data.tables.assemble_table` does, or if a pixel is missing or text.
        ArgumentError: if the columns do not fill the shape.
    """
    place = f"{where}, label column '{read.label_column}'"
    origin = f"{origin}, label column '{read.label_column}'"
    if options.image_shape is None:
        found = assemble_table(name, read.columns, read.train, read.test, place, origin)
    else:
        found = assemble(
            name, _pixels(read, read.train, options.image_shape, where),
            None if read.test is None else _pixels(read, read.test, options.image_shape, where),
            place, origin,
        )  # fmt: skip
    return dataclasses.replace(
        found, label_column=read.label_column, label_reason=read.label_reason, remarks=read.remarks
    )


def _pixels(read: ReadTable, table: RawTable, shape: tuple[int, int, int], where: str) -> Pair:
    """Return the columns as images, bytes where they hold nothing else."""
    check_inputs_fit(where, len(read.columns), shape)
    values = table.values
    for place, column in enumerate(read.columns):
        if column.kind == "categorical" or np.isnan(values[:, place]).any():
            what = "text" if column.kind == "categorical" else "a missing value"
            raise DataError(
                f"{where}, column '{column.name}'", what, "numbers, as `shape` asks for pixels",
                "Leave `shape` out, or the column with `drop`.",
            )  # fmt: skip
    whole = all(column.kind == "integer" for column in read.columns)
    are_bytes = whole and len(values) > 0 and values.min() >= 0 and values.max() <= _MAX_BYTE
    pixels = allocate(values.shape, np.uint8 if are_bytes else np.float64)
    for start in range(0, len(values), _CHUNK):
        pixels[start : start + _CHUNK] = values[start : start + _CHUNK]
    return pixels.reshape(-1, *shape), table.labels


def _some(table: RawTable, kept: Mask) -> RawTable:
    return RawTable(take(table.values, np.flatnonzero(kept)), table.labels[kept])


def _candidate(typer: ColumnTyper, values: FloatArray, index: int) -> LabelCandidate:
    present = values[~np.isnan(values)]
    is_text = typer.holds == "text"
    return LabelCandidate(
        name=typer.name,
        place=index,
        is_text=is_text,
        is_whole=not is_text and typer.whole,
        different=typer.category_count if is_text else len(np.unique(present)),
        rows=len(present),
    )


def _recode(values: FloatArray, final: FloatArray) -> None:
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        present = ~np.isnan(part)
        part[present] = final[part[present].astype(np.int64)]


def _check_names(names: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name in seen:
            raise DataError(
                f"{where}, row 1, column {place + 1}",
                f"a second column named {shorten(name)}",
                "names that differ",
                "Rename it; if the first row is data, say so with `header=False`.",
            )
        seen.add(name)
        if not _is_text(name):
            raise DataError(
                f"{where}, row 1, column {place + 1}", "a name that is not Unicode",
                "a name that can be written", "Rename it.",
            )  # fmt: skip


def _is_text(name: str) -> bool:
    """Return whether a name is made of whole characters."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
