"""Names of outputs, and what is never written over."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.claims.claiming import ClaimOutcome, verify_bytes
from minbits.claims.outputs import default_output, module_name, name_part, output_stem
from minbits.claims.publishing import Publisher
from minbits.claims.replacing import (
    check_curve_replaceable,
    check_replaceable,
    stays,
    write_once,
)
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.data import load
from minbits.data.companion import companion_beside, companion_bytes, companion_of, companion_path
from minbits.errors import OutputError
from minbits.files import sha256_hex
from minbits.information.entropy_table import entropy_table
from minbits.layers.linear import Linear
from minbits.ledger.provenance import Provenance
from minbits.ledger.store import Ledger
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from tests.strategies import random_network

TARGET = 0.3  # of two classes: what any network reaches
SHAPE = (1, 8, 8)
PROVENANCE = Provenance("0+test", {"numpy": "2"}, {"cores": 2})


def small_file() -> bytes:
    """Return a network that always answers class 0: right on about a half of the examples."""
    weights = QuantizedTensor(np.zeros((2, 64), np.int32), 0)
    bias = QuantizedTensor(np.array([1, 0], np.int32), 0)
    layer = QuantizedLayer(weights, bias)
    return encode_network(QuantizedNetwork(Architecture(SHAPE, 8, (Linear(2),)), (layer,)))


def large_file(seed: int = 1) -> bytes:
    return encode_network(random_network(Architecture(SHAPE, 8, (Linear(2),)), seed))


def put(out: Path, content: bytes, data: DataSet, **changes: object) -> Path:
    """Write a file with its card and pictures, as a job leaves them."""
    out.write_bytes(content)
    card = {
        "data": data.name, "data_digest": data.digest, "target_accuracy": TARGET,
        "size_bits": 8 * len(content), "sha256": sha256_hex(content), "n_test": 200,
        "correct": 100, "validation": {"correct": 40, "examples": 80},
    }  # fmt: skip
    out.with_suffix(".json").write_text(json.dumps({**card, **changes}))
    for suffix in (".png", ".svg"):
        out.with_suffix(suffix).write_bytes(b"picture")
    return out


# --- names


def table(folder: Path, header: str, name: str = "my.csv") -> Path:
    path = folder / name
    columns = header.count(",")
    path.write_text(header + "\n" + "".join("1," * columns + f"{i % 2}\n" for i in range(8)))
    return path


@pytest.mark.parametrize(
    ("header", "label", "name"),
    [
        ("a,b,label", None, "my-97.mbn"),
        ("a,b,Class", None, "my-97.mbn"),
        ("a,b,species", None, "my-species-97.mbn"),  # the last one, by its place alone
        ("a,b,species", "species", "my-species-97.mbn"),
        ("a,b,label", "label", "my-label-97.mbn"),
        ("a,target,label", None, "my-label-97.mbn"),
        ("a,b,kind of/thing [x]", None, "my-kind-of-thing-x-97.mbn"),
        ("a,b,größe_2", None, "my-größe_2-97.mbn"),
        ("a,b,../../etc", None, "my-etc-97.mbn"),
    ],
)
def test_the_label_column_is_a_part_of_the_name(
    tmp_path: Path, header: str, label: str | None, name: str
) -> None:
    assert default_output(load(table(tmp_path, header), label=label), 0.97, label) == Path(name)


def test_names_of_other_data(tiny: DataSet, tmp_path: Path) -> None:
    iris = load("iris")
    assert default_output(iris, 0.973) == Path("iris-97.3.mbn")
    assert default_output(tiny, None) == Path("stripes-curve.mbn")
    assert default_output(tiny, 0.99, network="lenet-5") == Path("stripes-lenet-5-99.mbn")
    data = load(table(tmp_path, "a,b,species"))
    assert output_stem(data) == "my-species"
    assert default_output(data, 0.9, None, "mynet") == Path("my-species-mynet-90.mbn")


@pytest.mark.parametrize(
    ("model", "name"),
    [("mynet.py:build", "mynet"), ("a/b.py:Net", "b"), ("pkg.mod:LeNet", "LeNet"), ("w/x.pt", "x")],
)
def test_names_of_modules(model: str, name: str) -> None:
    assert module_name(model) == name


@given(st.text(max_size=300))
def test_any_text_becomes_one_visible_part_of_a_name(text: str) -> None:
    part = name_part(text)
    assert part
    assert len(part) <= 60
    assert not set(part) & set("/\\\0\n[]\x1b")
    assert not part.startswith((".", "-"))


# --- what is in the way


def test_free_names_and_files_of_the_same_job_are_fine(tmp_path: Path, tiny: DataSet) -> None:
    out = tmp_path / "n.mbn"
    check_replaceable([out], tiny, TARGET)
    put(out, small_file(), tiny)
    check_replaceable([out], tiny, TARGET)
    check_replaceable([out], tiny, None)
    out.unlink()  # a card whose file was removed
    check_replaceable([out], tiny, TARGET)


def test_what_is_in_the_way_is_refused_and_left_as_it_is(tmp_path: Path, tiny: DataSet) -> None:
    out = tmp_path / "n.mbn"
    cases: list[tuple[str, dict[str, object]]] = [
        ("the card of another data set, stripes", {"data_digest": "0" * 64}),
        (r"the card of a file for 99 %", {"target_accuracy": 0.99}),
        ("no card of ours", {"correct": "many"}),
        ("a file with SHA-256", {"sha256": "1" * 64}),
    ]
    for message, changes in cases:
        put(out, small_file(), tiny, **changes)
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputError, match=f"{message}.*`out`.*`force=True`"):
            check_replaceable([tmp_path / "free.mbn", out], tiny, TARGET)
        check_replaceable([out], tiny, TARGET, force=True)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".mbn", ".png", ".svg"])
def test_a_file_without_a_card_is_anybodys(tmp_path: Path, tiny: DataSet, suffix: str) -> None:
    (tmp_path / f"n{suffix}").write_bytes(b"mine")
    with pytest.raises(OutputError, match="without a card"):
        check_replaceable([tmp_path / "n.mbn"], tiny, TARGET)


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path: Path, tiny: DataSet) -> None:
    (tmp_path / "n.json").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="no card of ours"):
        check_replaceable([tmp_path / "n.mbn"], tiny, TARGET)


def ledger_with(folder: Path, data: DataSet, content: bytes) -> Ledger:
    ledger = Ledger(folder / "ledger.sqlite")
    config = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
    result = TrialOutcome(config, "done", 1.0, None, content, 40, 80)
    ledger.append_trial(data, TARGET, result.of_candidate("linear 2"), PROVENANCE)
    return ledger


def test_what_a_killed_job_left_is_known_by_the_ledger(tmp_path: Path, tiny: DataSet) -> None:
    ledger, out = ledger_with(tmp_path, tiny, large_file()), tmp_path / "n.mbn"
    out.write_bytes(large_file())  # killed before the card was written
    check_replaceable([out], tiny, TARGET, ledger)
    with pytest.raises(OutputError, match="without a card"):
        check_replaceable([out], tiny, TARGET)
    put(out, small_file(), tiny)
    out.write_bytes(large_file())  # killed before an older card was replaced
    check_replaceable([out], tiny, TARGET, ledger)
    assert stays(out, tiny, TARGET, verify_bytes(large_file(), tiny), ledger) is None
    out.write_bytes(large_file(2))  # which the ledger does not know
    with pytest.raises(OutputError, match="a file with SHA-256"):
        check_replaceable([out], tiny, TARGET, ledger)
    ledger.close()


def test_the_pictures_of_a_curve_are_known_by_its_points(tmp_path: Path, tiny: DataSet) -> None:
    pictures, point = [tmp_path / "c.png", tmp_path / "c.svg"], tmp_path / "c-90.mbn"
    check_curve_replaceable(pictures, [point])
    pictures[1].write_bytes(b"mine")
    with pytest.raises(OutputError, match="a picture without a card"):
        check_curve_replaceable(pictures, [point])
    check_curve_replaceable(pictures, [point], force=True)
    put(point, small_file(), tiny)
    check_curve_replaceable(pictures, [point])


# --- what stays


def test_a_smaller_file_in_place_stays(tmp_path: Path, tiny: DataSet) -> None:
    out = tmp_path / "n.mbn"
    small, large = (verify_bytes(content, tiny) for content in (small_file(), large_file()))
    assert small.size_bits < large.size_bits
    assert stays(out, tiny, TARGET, large) is None  # nothing is there
    put(out, small_file(), tiny)
    kept = stays(out, tiny, TARGET, large)
    assert kept is not None
    assert (kept.sha256, kept.correct) == (small.sha256, small.correct)
    assert stays(out, tiny, TARGET, large, force=True) is None
    assert stays(out, tiny, TARGET, small) is None  # as small
    put(out, large_file(), tiny)
    assert stays(out, tiny, TARGET, small) is None  # larger


def test_a_card_that_boasts_is_not_believed(tmp_path: Path, tiny: DataSet) -> None:
    out, large = tmp_path / "n.mbn", verify_bytes(large_file(), tiny)
    target = 0.95  # which neither file reaches, whatever the card says
    put(out, small_file(), tiny, target_accuracy=target, correct=200)
    assert stays(out, tiny, target, large) is None
    other = encode_network(random_network(Architecture((1, 4, 4), 8, (Linear(2),)), 1))
    put(out, other, tiny)
    assert stays(out, tiny, TARGET, large) is None  # for other inputs


def test_a_file_that_reached_the_target_outlives_one_that_did_not(
    tmp_path: Path, tiny: DataSet
) -> None:
    out = tmp_path / "n.mbn"
    put(out, large_file(), tiny)
    small = verify_bytes(small_file(), tiny)
    missed = type(small)(**{**vars(small), "correct": 10})
    assert stays(out, tiny, TARGET, small) is None
    assert stays(out, tiny, TARGET, missed) is not None


def test_files_without_a_card_are_written_once(tmp_path: Path) -> None:
    out = tmp_path / "n.mbn"
    write_once(out, small_file())
    write_once(out, small_file())
    with pytest.raises(OutputError, match="another file"):
        write_once(out, large_file())
    assert out.read_bytes() == small_file()
    write_once(out, large_file(), force=True)
    assert out.read_bytes() == large_file()


def test_a_job_keeps_a_smaller_file_and_says_where_its_own_is(
    tmp_path: Path, tiny: DataSet
) -> None:
    ledger = ledger_with(tmp_path, tiny, large_file())
    ledger.append_claim(tiny, TARGET, verify_bytes(large_file(), tiny), PROVENANCE)
    outcome = ClaimOutcome(ledger.best_claim(tiny.digest, TARGET), None, None, 1, None, {})
    out = put(tmp_path / "n.mbn", small_file(), tiny)
    before = {path: path.read_bytes() for path in tmp_path.glob("n.*")}
    publisher = Publisher(tiny, TARGET, ledger, out)
    found = publisher.publish(outcome, entropy_table(tiny), None)
    assert {path: path.read_bytes() for path in tmp_path.glob("n.*")} == before
    assert publisher.outputs == {"network": found.path, "kept": str(out)}
    assert Path(found.path).read_bytes() == large_file()
    forced = Publisher(tiny, TARGET, ledger, out, force=True)
    assert forced.publish(outcome, entropy_table(tiny), None).path == str(out)
    assert out.read_bytes() == large_file()
    assert set(forced.outputs) == {"network", "companion", "card", "diagram png", "diagram svg"}
    # What a job has written itself, it may write again.
    check_replaceable([out], tiny, TARGET)
    assert Publisher(tiny, TARGET, ledger, out).publish(outcome, entropy_table(tiny), None)
    ledger.close()


# --- the companion


def put_companion(out: Path, data: DataSet, name: str = "stripes") -> bytes:
    found = companion_of(data, sha256_hex(out.read_bytes()), 1.0, 5)
    content = companion_bytes(dataclasses.replace(found, data_name=name))
    companion_path(out).write_bytes(content)
    return content


def test_a_companion_of_the_data_set_or_of_the_card_may_be_replaced(
    tmp_path: Path, tiny: DataSet
) -> None:
    out = put(tmp_path / "n.mbn", large_file(), tiny)
    content = put_companion(out, tiny)
    check_replaceable([out], tiny, TARGET)  # a job was killed before it wrote its card
    put(out, large_file(), tiny, companion={"file": "n.data.json", "sha256": sha256_hex(content)})
    check_replaceable([out], tiny, TARGET)


def test_another_companion_is_in_the_way(tmp_path: Path, tiny: DataSet) -> None:
    out = put(tmp_path / "n.mbn", large_file(), tiny)
    put_companion(out, dataclasses.replace(tiny, digest="0" * 64), "others")
    with pytest.raises(OutputError, match="the companion of another data set, others"):
        check_replaceable([out], tiny, TARGET)
    companion_path(out).write_text("my notes")
    with pytest.raises(OutputError, match=r"n\.data\.json: got "):
        check_replaceable([out], tiny, TARGET)
    check_replaceable([out], tiny, TARGET, force=True)


def test_a_companion_alone_may_be_anybodys(tmp_path: Path, tiny: DataSet) -> None:
    (tmp_path / "n.data.json").write_text("{}")
    with pytest.raises(OutputError, match="without a card"):
        check_replaceable([tmp_path / "n.mbn"], tiny, TARGET)


def test_what_a_job_leaves_belongs_together(tmp_path: Path, tiny: DataSet) -> None:
    ledger = ledger_with(tmp_path, tiny, large_file())
    ledger.append_claim(tiny, TARGET, verify_bytes(large_file(), tiny), PROVENANCE)
    outcome = ClaimOutcome(ledger.best_claim(tiny.digest, TARGET), None, None, 1, None, {})
    out = tmp_path / "n.mbn"
    Publisher(tiny, TARGET, ledger, out).publish(outcome, entropy_table(tiny), None)
    found = companion_beside(out, sha256_hex(large_file()))
    assert found is not None
    assert (found.data_digest, found.class_names) == (tiny.digest, ("0", "1"))
    assert found.calibration_examples == 80  # of validation, none of test
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["companion"]["file"] == "n.data.json"
    assert card["description_bits"] == {
        "network": 8 * len(large_file()),
        "encoding": 0,
        "names": 32,
    }
    check_replaceable([out], tiny, TARGET)
    ledger.close()
