"""The diagram from ledger and records: which file is a set's point, and what is left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

import minbits
from minbits.claims.best_known import published_files
from minbits.claims.measured_file import measured_bytes, plain_figures, plain_search
from minbits.data import load
from minbits.errors import DataError, MinbitsError, OutputError
from minbits.jobs.diagram import (
    DiagramReport,
    not_drawn,
    plain_diagram,
    size_diagram,
    statistics_sentences,
    with_statistics,
)
from minbits.jobs.diagram_request import DiagramRequest, XKey
from minbits.jobs.diagram_set import (
    SEEDS_APART,
    SetPlan,
    bring_in,
    code_figures,
    entropy_figures,
    measured_in,
    set_measured,
)
from minbits.ledger.store import Ledger, MeasurementEntry, open_ledger
from minbits.studies.kept import DIAGRAM_FIGURES, DIAGRAM_SEARCH
from minbits.studies.size_diagram import (
    AXES,
    Measured,
    SearchFound,
    SetFigures,
    SetMeasured,
    SizeDiagram,
)
from minbits.types import DataSet
from tests.cli.here import Here
from tests.cli.json_schemas import SCHEMAS
from tests.ledger.examples import PROVENANCE, fill
from tests.studies.diagram_points import point, power_law

RECORDS = Path(__file__).parent.parent.parent / "records"
X = {"label_code_bits": Measured(500.0, "a code"), "input_numbers": Measured(9.0, "counted")}


def measure(ledger: Ledger, data: DataSet, accuracy: float = 0.99) -> SetFigures:
    """Append figures and two searches, the second of which found nothing."""
    figures = SetFigures(data.name, accuracy, "as the test says", X, encoding_bits=34)
    entries = [
        MeasurementEntry(data, DIAGRAM_FIGURES, {}, 0, plain_figures(figures), 1.0, PROVENANCE)
    ]
    for seed, size in ((0, 40), (SEEDS_APART, None)):
        found = plain_search(SearchFound(seed, 1.0, 3, size))
        settings = {"accuracy": accuracy}
        entries.append(
            MeasurementEntry(data, DIAGRAM_SEARCH, settings, seed, found, 1.0, PROVENANCE)
        )
    ledger.append_measurements(entries)
    return figures


@pytest.fixture
def ledger(tmp_path: Path, tiny: DataSet) -> Path:
    """A ledger of one set, measured and claimed, and of one that is claimed alone."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as store:
        fill(store, tiny, b"x" * 9, b"x" * 5)
        fill(store, load("iris"), b"y" * 7)
        measure(store, tiny)
    return path


def request(ledger: Path, records: Path, **more: object) -> DiagramRequest:
    return DiagramRequest(ledger=ledger, records=records, **more)  # type: ignore[arg-type]


def test_a_point_is_the_smallest_claimed_file_of_a_measured_set(
    ledger: Path, tmp_path: Path, tiny: DataSet
) -> None:
    diagram = size_diagram(request(ledger, tmp_path))
    (point,) = diagram.points
    assert (point.data_name, point.size_bits, point.first_bits) == (tiny.name, 40, 72)
    assert point.range_bits == (40, 40)
    assert (point.correct, point.n_test, point.measured.trials) == (9900, 10_000, 3)
    assert point.lower_limit < 0.99
    assert not point.is_shown_to_reach
    assert [item.data_name for item in diagram.left_out] == ["iris"]
    assert "minbits diagram DATA" in diagram.left_out[0].reason
    assert diagram.statistics is None
    assert "too few" in statistics_sentences(diagram)[0]


def test_another_target_and_another_axis(ledger: Path, tmp_path: Path) -> None:
    at = size_diagram(request(ledger, tmp_path, accuracy=0.995))
    assert at.points == ()
    assert "no file reached 99.5 %" in at.left_out[-1].reason
    below = size_diagram(request(ledger, tmp_path, accuracy=0.9, y="file-and-encoding"))
    assert below.points[0].measured.searches == ()
    assert below.y_bits(below.points[0]) == 40 + 34
    other = size_diagram(request(ledger, tmp_path, x="intrinsic_dimension"))
    assert other.drawn() == ()
    assert "intrinsic_dimension is not known" in not_drawn(other)[-1].reason


def test_a_row_that_does_not_hold_figures_is_told(ledger: Path, tmp_path: Path) -> None:
    with open_ledger(ledger) as store:
        bad = MeasurementEntry(load("iris"), DIAGRAM_FIGURES, {}, 0, {"x": 3}, 1.0, PROVENANCE)
        store.append_measurements([bad])
    with pytest.raises(DataError, match="measurement"):
        size_diagram(request(ledger, tmp_path))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with a published file, its card and measurements of its set."""
    folder = tmp_path / "records" / "mnist"
    folder.mkdir(parents=True)
    for end in ("mbn", "json", "data.json"):
        shutil.copy(RECORDS / f"mnist-98.{end}", folder / f"mnist-98.{end}")
    digest = json.loads((folder / "mnist-98.json").read_text())["data_digest"]
    figures = SetFigures("mnist", 0.98, "as the test says", X)
    (folder / "mnist-98.measured.json").write_bytes(
        measured_bytes(SetMeasured("mnist", digest, figures, trials=7))
    )
    return tmp_path / "records"


def test_records_alone_give_a_point(records: Path, tmp_path: Path) -> None:
    (point,) = size_diagram(request(tmp_path / "none.sqlite", records)).points
    assert (point.data_name, point.size_bits, point.measured.trials) == ("mnist", 2816, 7)
    assert point.place.endswith("mnist-98.mbn")
    card = json.loads((records / "mnist" / "mnist-98.json").read_text())
    assert point.lower_limit == pytest.approx(card["lower_limit"])


def test_a_record_with_other_bytes_than_its_card_says_is_refused(
    records: Path, tmp_path: Path
) -> None:
    place = records / "mnist" / "mnist-98.mbn"
    shutil.copy(RECORDS / "mnist-99.mbn", place)
    with pytest.raises(OutputError, match="as on its card"):
        size_diagram(request(tmp_path / "none.sqlite", records))
    place.write_bytes(b"no network")
    with pytest.raises(OutputError, match=r"mnist-98\.mbn"):
        size_diagram(request(tmp_path / "none.sqlite", records))


def test_measurements_beside_cards_do_not_disturb_other_commands(
    records: Path, mnist: DataSet
) -> None:
    assert [path.name for path, _ in published_files(mnist, records)] == ["mnist-98.mbn"]


def test_what_is_known_is_not_done_again(ledger: Path, tmp_path: Path, tiny: DataSet) -> None:
    """Both searches and the figures are there: nothing is left to do, and no process starts."""
    said: list[str] = []
    bring_in(tiny, SetPlan(0.99, "", 1.0, 2, 1, tmp_path), ledger, said.append)
    assert said == []
    with open_ledger(ledger) as store:
        found = set_measured(
            tiny.digest, measured_in(store)[tiny.digest], store.trial_outcomes(tiny.digest)
        )
    assert found is not None
    assert found.first_bits == 72
    assert [item.size_bits for item in found.searches] == [40, None]


def test_another_target_is_searched_for_and_not_measured_again(
    ledger: Path, tmp_path: Path, tiny: DataSet
) -> None:
    plan = SetPlan(0.9, "lower", 0.02, 1, 1, tmp_path)
    said: list[str] = []
    bring_in(tiny, plan, ledger, said.append)
    assert said[0] == f"{tiny.name}: search 1 of 1"
    assert not any("code" in text or "entropies" in text for text in said)
    with open_ledger(ledger) as store:
        known = measured_in(store)[tiny.digest]
    assert (known["figures"].target_accuracy, known["figures"].target_reason) == (0.9, "lower")
    assert {key: item.value for key, item in known["figures"].x.items()} == {
        key: item.value for key, item in X.items()
    }
    (search,) = known["searches"]
    assert (search.seed, search.minutes) == (0, pytest.approx(0.012))
    bring_in(tiny, plan, ledger, said.append)
    assert said.count(f"{tiny.name}: search 1 of 1") == 1


def test_of_codes_that_are_measured_again_the_shortest_counts(
    ledger: Path, tmp_path: Path, tiny: DataSet
) -> None:
    """No code has 9 bits, as an earlier one is said to have; others are shorter than 10 million."""
    before = {"label_code_bits": Measured(9.0, "early"), "prequential_bits": Measured(1e7, "long")}
    figures = SetFigures(tiny.name, 0.99, "as the test says", before)
    row = MeasurementEntry(tiny, DIAGRAM_FIGURES, {}, 0, plain_figures(figures), 1.0, PROVENANCE)
    with open_ledger(ledger) as store:
        store.append_measurements([row])
    bring_in(tiny, SetPlan(0.99, "", 0.02, 2, 1, tmp_path, measured_anew=True), ledger)
    with open_ledger(ledger) as store:
        found = measured_in(store)[tiny.digest]["figures"].x
    assert found["label_code_bits"] == before["label_code_bits"]
    assert 9 < found["prequential_bits"].value < 1e7
    assert found["input_numbers"].value == tiny.train_inputs.size


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("parity:4", {"label_entropy_total", "input_numbers", "pixel_sum_without_complement"}),
        ("iris", {"label_entropy_total", "input_numbers"}),
    ],
)
def test_figures_of_entropies(name: str, keys: set[str]) -> None:
    data = load(name)
    found = entropy_figures(data)
    assert set(found) == keys
    assert found["input_numbers"].value == data.train_inputs.size
    if name == "parity:4":  # four bits, each on in half of the examples
        assert found["pixel_sum_without_complement"].value == pytest.approx(2, abs=0.02)


def test_the_shortest_code_and_the_shortest_one_without_a_network() -> None:
    codes = [("two-part", 100, "a"), ("prequential", 140, "b"), ("uniform", 200, "c")]
    found = code_figures(codes)
    assert found["label_code_bits"] == Measured(100.0, "a")
    assert found["prequential_bits"] == Measured(140.0, "b")
    assert set(code_figures(codes[:1])) == {"label_code_bits"}


def test_the_choices_of_x_are_the_axes() -> None:
    assert set(XKey.__args__) == set(AXES)  # type: ignore[attr-defined]


def test_the_command_prints_and_draws(
    here: Here, ledger: Path, records: Path, tmp_path: Path
) -> None:
    places = ("--ledger", ledger, "--records", records)
    done = here("diagram", *places, "--out", tmp_path / "d.svg")
    assert done.returncode == 0
    assert (tmp_path / "d.svg").read_text().startswith("<?xml")
    for word in ("mnist", "stripes", "2,816", "Not drawn: iris"):
        assert word in done.stdout
    told = json.loads(here("diagram", *places, "--json").stdout)
    assert [item["data"] for item in told["points"]] == ["mnist", "stripes"]
    assert told["points"][0]["measures"][0]["key"] == "label_code_bits"
    assert here("diagram", *places, "--x", "nothing").returncode == 2
    assert here("diagram", *places, "--out", tmp_path / "d.txt").returncode == 2


def test_statistics_are_told_in_words_and_as_json() -> None:
    names = ("planted:12,2", "mnist", "mnist-noise:10", *(f"set {index}" for index in range(7)))
    points = tuple(
        point(p.data_name, {key: item.value for key, item in p.x.items()}, p.size_bits,
              "mnist" if p.data_name.startswith("mnist") else "")
        for p in power_law(10, 0.7, 0.3, names)
    )  # fmt: skip
    diagram = with_statistics(SizeDiagram("label_code_bits", "file", None, points))
    assert diagram.one_a_group is not None
    assert (diagram.one_a_group.points, diagram.one_a_group.scope) == (
        9, "one of those that share examples (mnist)",
    )  # fmt: skip
    # An X that says nothing of Y is not said to be followed.
    other = with_statistics(SizeDiagram("input_numbers", "file", None, points))
    assert "is not shown to follow" in statistics_sentences(other)[0]
    words = "\n".join(statistics_sentences(diagram))
    for part in ("size follows X: rank correlation", "X^0.", "Planted networks", "over 9 sets"):
        assert part in words
    plain = plain_diagram(DiagramReport(DiagramRequest(), diagram, {}))
    schema = json.loads((SCHEMAS / "diagram.json").read_text())
    jsonschema.validate(json.loads(json.dumps(plain, allow_nan=False)), schema)


def test_the_command_without_anything(here: Here, tmp_path: Path) -> None:
    done = here("diagram", "--ledger", tmp_path / "x.sqlite", "--records", tmp_path / "no")
    assert done.returncode == 0
    assert "0 data sets are too few" in done.stdout


def test_the_call_of_the_library(ledger: Path, records: Path) -> None:
    report = minbits.diagram(ledger=ledger, records=records)
    assert len(report.diagram.points) == 2
    assert "2 data sets" in repr(report)
    assert len(report.facts()) == 2
    with pytest.raises(MinbitsError, match="no-such-set"):
        minbits.diagram("no-such-set", ledger=ledger)
