"""One toy of each kind is added from outside the package, used, and taken out again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import matplotlib.figure
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from minbits.charts.chart import Chart
from minbits.cli.app import COMMANDS
from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument
from minbits.cli.output import console
from minbits.codec.architecture import run_order
from minbits.codec.architecture_code import NAMED_LAYERS_VERSION
from minbits.codec.file_format import _encode, decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.run_cost import run_cost
from minbits.compression.warm_start import WarmStart, coarsened
from minbits.data import from_arrays, load
from minbits.data.builtin import BUILT_IN, BuiltIn
from minbits.errors import ArgumentError, DataError, NetworkError, NetworkFileError
from minbits.exports.numpy_arrays import NumpyArrays
from minbits.exports.protocol import export_checked
from minbits.exports.registry import EXPORTERS
from minbits.files import sha256_hex
from minbits.front_ends.base import INPUT_BITS, OUTPUT_BITS, FrontEnd, Integers
from minbits.front_ends.registry import FRONT_ENDS
from minbits.information.entropy_estimators import ESTIMATORS, Estimate, Estimator, Fingerprint
from minbits.information.label_information import label_entropy_quantities
from minbits.jobs.study import Measurements, StudyPlace, run_in_ledger
from minbits.label_codes.protocol import Known, Labels, decodable_code
from minbits.label_codes.registry import LABEL_CODES
from minbits.layers.activations import ACTIVATIONS, Activation
from minbits.layers.base import FloatArray, PlainLayer, Shape
from minbits.layers.convolution import Convolution
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.registry import LAYERS
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter, TorchCall
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import open_ledger
from minbits.networks.from_torch import from_torch
from minbits.networks.grammar import format_architecture, parse_architecture
from minbits.networks.to_torch import to_torch
from minbits.registry import Registry
from minbits.requests import Request, call_with, option
from minbits.search.moves.base import Amount, Move
from minbits.search.moves.registry import MOVES, move_kinds
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.training.context import TrainingContext
from minbits.training.lanes.plan import obstacle_to
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.registry import EXECUTORS, ExecutorKind, ExecutorRequest, open_executor
from minbits.workers.work import WorkerContext, WorkExecutor, running_in
from tests.cli.here import Here
from tests.codec.streams import with_checksum
from tests.strategies import random_network, same_network

T = TypeVar("T")

RECIPE = TrainingRecipe(float_epochs=6, quantized_epochs=4, batch_size=64)


@dataclass(frozen=True)
class Power(PlainLayer):
    """Raises every value to a power."""

    key = "power"
    usages = ("power N",)
    code_kinds = ("power",)

    exponent: int

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        return cls(text.number())

    def text(self) -> str:
        return f"power {self.exponent}"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        return {"exponent": (self.exponent, 1, 4)}

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        return shapes[-1]

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        layer = given or cls(1)
        return cls(1 + fields.unsigned(("power", "exponent"), layer.exponent - 1))

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        return x**self.exponent

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        return x**self.exponent

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        return Work(passed=math.prod(output), calls=1 / batch)

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        def convert(call: TorchCall, module: Any) -> Any:
            call.need_newest()
            return call.append(cls(2))

        return {torch.square: convert}


class Squared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 3, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(torch.square(self.first(x)).mean((2, 3)))
        return result


TEXT = "conv 4 k3 p1; power 2; avgpool all; linear 2"


def test_a_layer_is_written_decoded_run_and_trained(tiny: DataSet) -> None:
    with LAYERS.extended(Power):
        architecture = parse_architecture(TEXT, tiny.input_shape, tiny.input_exponent)
        assert format_architecture(architecture) == TEXT
        network = random_network(architecture, 0, step_index=-12)
        content = encode_network(network)
        assert same_network(decode_network(content), network)
        assert encode_network(decode_network(content)) == content
        with torch.no_grad():
            expected = to_torch(network)(torch.from_numpy(tiny.test_inputs)).numpy()
        found = predict_logits(network, tiny.test_inputs)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
        assert run_cost(architecture, 10).seconds > 0
        result = run_task(TrialTask(TrialConfig(TEXT, RECIPE, 0), 0), tiny, WorkerContext())
        assert result.status == "done", result.error
        assert result.network_file is not None
        assert decode_network(result.network_file).architecture.layers[1] == Power(2)
        extracted = from_torch(Squared(), (1, 8, 8), 0)
        assert extracted.architecture.layers[1] == Power(2)
    for refused in (content, result.network_file):
        with pytest.raises(NetworkFileError, match="a layer of kind 'power'"):
            decode_network(refused)
    with pytest.raises(NetworkError, match="'power'"):
        parse_architecture(TEXT, tiny.input_shape, tiny.input_exponent)


@settings(max_examples=300, deadline=None)
@given(payload=st.binary(max_size=60), seeded=st.booleans())
def test_any_payload_with_names_is_a_network_or_the_one_error(payload: bytes, seeded: bool) -> None:
    with LAYERS.extended(Power):
        if seeded:  # names come first, and chance would hardly ever write one
            network = random_network(parse_architecture(TEXT, (1, 8, 8), 8), 0)
            payload = _encode(network, NAMED_LAYERS_VERSION)[3:18] + payload
        content = with_checksum(payload, NAMED_LAYERS_VERSION)
        try:
            found = decode_network(content)
        except NetworkFileError:
            return
        assert same_network(decode_network(encode_network(found)), found)


@dataclass(frozen=True)
class Mirror(FrontEnd):
    """Turns images around: left becomes right."""

    key = "mirror"
    usage = "mirror"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        return cls()

    def text(self) -> str:
        return "mirror"

    @classmethod
    def code(cls, fields: FieldCoder, given: Self | None) -> Self:
        return cls()

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def pixels(self, images: Integers, shifts: Sequence[tuple[int, int]]) -> list[Integers]:
        gain = 1 << (OUTPUT_BITS - INPUT_BITS)
        return [gain * images[..., ::-1] for _ in shifts]

    def work(self, shape: Shape) -> Work:
        return Work(passed=math.prod(shape))

    def workspace(self, shape: Shape) -> int:
        return 2 * math.prod(shape)


def test_a_front_end_is_written_decoded_run_and_trained(tiny: DataSet) -> None:
    layers = "conv 4 k3 p1 relu; avgpool all; linear 2"
    with FRONT_ENDS.extended(Mirror):
        architecture = parse_architecture(f"mirror; {layers}", tiny.input_shape, 8)
        assert format_architecture(architecture) == f"mirror; {layers}"
        network = random_network(architecture, 0, step_index=-12)
        content = encode_network(network)
        assert same_network(decode_network(content), network)
        plain = random_network(parse_architecture(layers, tiny.input_shape, 8), 0, step_index=-12)
        turned = np.ascontiguousarray(tiny.test_inputs[..., ::-1])
        expected = predict_logits(plain, turned)
        assert np.allclose(predict_logits(network, tiny.test_inputs), expected, atol=1e-6)
        config = TrialConfig(f"mirror; {layers}", RECIPE, 0)
        result = run_task(TrialTask(config, 0), tiny, WorkerContext())
        assert result.status == "done", result.error
    with pytest.raises(NetworkFileError, match="front end 4"):
        decode_network(content)
    with pytest.raises(NetworkError, match="'mirror'"):
        parse_architecture(f"mirror; {layers}", tiny.input_shape, 8)


def softsign(x: FloatArray) -> FloatArray:
    return np.asarray(x / (1 + np.abs(x)), np.float32)


def test_an_activation_is_written_decoded_run_and_trained(tiny: DataSet) -> None:
    toy = Activation(
        "softsign", softsign, lambda torch, x: torch.nn.functional.softsign(x), None,
        converters=lambda torch: {
            torch.nn.Softsign: lambda call, module: call.activate("softsign")
        },
    )  # fmt: skip
    text = "conv 4 k3 p1 relu; conv 3 k3 softsign; avgpool all; linear 2"
    with ACTIVATIONS.extended(toy):
        architecture = parse_architecture(text, tiny.input_shape, tiny.input_exponent)
        network = random_network(architecture, 0, step_index=-12)
        content = encode_network(network)
        assert same_network(decode_network(content), network)
        with torch.no_grad():
            expected = to_torch(network)(torch.from_numpy(tiny.test_inputs)).numpy()
        assert np.allclose(predict_logits(network, tiny.test_inputs), expected, atol=1e-4)
        assert obstacle_to(run_order(architecture)[1]) == "layer 1 with activation softsign"
        result = run_task(TrialTask(TrialConfig(text, RECIPE, 0), 0), tiny, WorkerContext())
        assert result.status == "done", result.error
        module = nn.Sequential(nn.Conv2d(1, 2, 8), nn.Softsign(), nn.Flatten())
        assert from_torch(module, (1, 8, 8), 0).architecture.layers == (
            Convolution(2, 8, activation="softsign"),
        )
    with pytest.raises(NetworkFileError, match="activation 'softsign'"):
        decode_network(content)
    with pytest.raises(NetworkError, match="'softsign'"):
        parse_architecture(text, tiny.input_shape, tiny.input_exponent)


@pytest.mark.parametrize("text", ["conv 4 k3 p1 relu; linear 2", "conv 4 k3 d2 relu; linear 2"])
def test_a_file_that_names_nothing_is_not_of_the_version_for_names(text: str) -> None:
    network = random_network(parse_architecture(text, (1, 8, 8), 8), 0)
    with pytest.raises(NetworkFileError, match="canonical"):
        _encode(network, NAMED_LAYERS_VERSION)


def test_lanes_say_why_they_cannot_train_a_layer(tiny: DataSet) -> None:
    with LAYERS.extended(Power):
        steps = run_order(parse_architecture(TEXT, tiny.input_shape, 8))
        assert [obstacle_to(step) for step in steps] == [
            None, "layer 1 of a kind that lanes have no pass for: power", None, None,
        ]  # fmt: skip


class Blunt(Move):
    """Makes all steps larger by some bits."""

    key = "blunt"
    amounts = (Amount(0.5),)

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        return coarsened(start, 4 * amount)


def test_a_move_is_chosen_and_made(tiny: DataSet) -> None:
    text = "conv 3 k3 p1 relu; avgpool all; linear 2"
    parent = run_task(
        TrialTask(TrialConfig(text, RECIPE, 0), 0), tiny, WorkerContext()
    ).network_file
    assert parent is not None
    recipe = TrainingRecipe(float_epochs=0, quantized_epochs=2, batch_size=64)
    config = TrialConfig(text, recipe, 1, parent=sha256_hex(parent), move="blunt 0.5")
    task = TrialTask(config, 0, parent_file=parent)
    with MOVES.extended(Blunt()):
        assert move_kinds()[-1].move == "blunt"
        assert run_task(task, tiny, WorkerContext()).status == "done"
    assert all(kind.move != "blunt" for kind in move_kinds())
    assert run_task(task, tiny, WorkerContext()).status == "failed"


def most(found: Fingerprint) -> Estimate:
    return Estimate(math.log2(found.assumed_states), 0.0, math.inf)


def test_an_estimator_is_in_the_table() -> None:
    data = load("iris")
    toy = Estimator("most", most, "logarithm of the number of classes", "Hartley 1928")
    with ESTIMATORS.extended(toy):
        figure = label_entropy_quantities(data)[-1]
    assert (figure.key, figure.value) == ("label_entropy_most", math.log2(3))
    assert figure.method == "H(Y): logarithm of the number of classes (Hartley 1928)"
    assert all(figure.key != "label_entropy_most" for figure in label_entropy_quantities(data))


def test_a_chart_is_saved_as_each_kind_of_file(tmp_path: Path) -> None:
    def draw(numbers: list[float]) -> matplotlib.figure.Figure:
        figure = matplotlib.figure.Figure()
        figure.add_subplot().plot(numbers)
        return figure

    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        path = tmp_path / f"toy{suffix}"
        Chart([1.0, 3.0, 2.0], draw).save(path)
        assert path.read_bytes().startswith(start)


class FirstPixel:
    """Codes nothing where a label is what the first input says."""

    key = "first-input"
    method = "a byte for each label that is not the first input"
    source = "a toy"

    def encode(self, known: Known, labels: Labels) -> bytes:
        guess = known.inputs.reshape(len(labels), -1)[:, 0]
        return b"" if np.array_equal(guess, labels) else bytes(labels.tolist())

    def decode(self, known: Known, code: bytes) -> Labels:
        if not code:
            return known.inputs.reshape(known.examples, -1)[:, 0].astype(np.int64)
        if len(code) != known.examples:
            raise DataError("code of labels", f"{len(code)} bytes", "one a label", "Encode again.")
        return np.frombuffer(code, np.uint8).astype(np.int64)


def test_a_code_of_labels_decodes_like_the_others() -> None:
    labels = np.arange(50) % 3
    known = Known(labels.reshape(-1, 1, 1, 1).astype(np.uint8), 0, 3)
    with LABEL_CODES.extended(FirstPixel()):
        sizes = {
            key: len(decodable_code(LABEL_CODES[key], known, labels))
            for key in ("uniform", "empirical", "first-input")
        }
    assert sizes["first-input"] == 0
    assert min(size for key, size in sizes.items() if key != "first-input") > 5


class AtOnce(WorkExecutor):
    """Runs every call while it is submitted."""

    def __init__(self, request: ExecutorRequest) -> None:
        self._context = WorkerContext(request.shared)

    @property
    def capacity(self) -> int:
        return 1

    def submit_within(
        self, seconds: float, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        future: Future[T] = Future()
        with running_in(self._context):
            future.set_result(function(*args, **kwargs))
        return future

    def signs(self) -> list[Any]:
        return []

    def stop(self) -> None:
        pass


def test_an_executor_is_opened_by_its_name() -> None:
    kind = ExecutorKind("at-once", ("at-once",), AtOnce, lambda: 1)
    with EXECUTORS.extended(kind), open_executor("at-once", 1) as executor:
        assert executor.submit(math.sqrt, 9).result() == 3
    with pytest.raises(ArgumentError, match="processes, ray or ray://HOST:PORT"):
        open_executor("at-once", 1)


def test_a_data_set_is_loaded_by_its_name() -> None:
    def dots() -> DataSet:
        return from_arrays(np.arange(40).reshape(20, 2), np.arange(20) % 2)

    with BUILT_IN.extended(BuiltIn("dots", dots)):
        assert len(load("dots").train_labels) > 0
    with pytest.raises(DataError, match="an unknown name"):
        load("dots")


@dataclass(frozen=True)
class CountRequest(Request):
    """Which values are counted."""

    above: float = option(0.0, "Values greater than this are counted.")


def count_job(data: DataSet | str, request: CountRequest) -> int:
    loaded = data if isinstance(data, DataSet) else load(data)
    return int((loaded.train_inputs > request.above).sum())


@command
def count(data: DataArgument, request: CountRequest) -> None:
    """Count values of the training examples."""
    console().print(f"{count_job(data, request)} values above {request.above:g}")


def test_a_command_and_a_call_are_made_of_one_request(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "count.toml"
    path.write_text("above = 0.25\n")
    call = call_with(CountRequest)(count_job)
    assert list(inspect.signature(call).parameters) == ["data", "above"]
    expected = call("iris", above=0.25)
    assert 0 < expected < call("iris")
    assert count_job("iris", CountRequest.from_toml(path)) == expected
    refused = here("count", "iris")
    assert (refused.returncode, refused.stdout) == (2, "")
    monkeypatch.setitem(COMMANDS, "count", f"{__name__}:count")
    for options in (("--above", 0.25), ("--options", path)):
        done = here("count", "iris", *options)
        assert (done.returncode, done.stdout) == (0, f"{expected} values above 0.25\n")


class Plain(NumpyArrays):
    """The same arrays under another name."""

    key = "plain"
    suffix = ".plain"


def test_an_exporter_is_checked_like_the_others(tmp_path: Path) -> None:
    network = random_network(parse_architecture("linear 2", (3, 1, 1), 0), 0)
    with EXPORTERS.extended(Plain()):
        for key, exporter in EXPORTERS.items():
            path = tmp_path / f"{key}{exporter.suffix}"
            assert export_checked(exporter, network, path, np.eye(3)) == (path,)


REGISTRIES: list[Registry[Any]] = [
    LAYERS, ACTIVATIONS, MOVES, ESTIMATORS, LABEL_CODES, EXECUTORS, BUILT_IN, EXPORTERS,
]  # fmt: skip


def count_ones(task: StudyTask, data: DataSet, context: WorkerContext) -> list[Measured]:
    """Measure how many labels of class 1 a draw of ten has."""
    found = []
    for seed in task.seeds:
        drawn = np.random.default_rng(seed).choice(data.train_labels, 10)
        found.append(Measured(task.settings, seed, {"ones": int((drawn == 1).sum())}, 0.0))
    return found


def test_a_study_measures_into_the_ledger(tmp_path: Path, tiny: DataSet) -> None:
    toy, settings = Study("ones", count_ones, "this test"), {"draws": 10}
    provenance = current_provenance("cpu", 1)
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        interrupted = run_in_ledger(
            toy, [StudyTask(settings, (0, 1, 2))], 0, StudyPlace(tiny, ledger, provenance)
        )
        assert not interrupted
        measured = Measurements(ledger, tiny, toy)
        found = measured.by_seed(settings)
        assert measured.by_seed({"draws": 11}) == {}
    assert sorted(found) == [0, 1, 2]
    assert all(0 <= result["ones"] <= 10 for result in found.values())


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.noun)
def test_a_second_entry_of_a_key_is_refused(registry: Registry[Any]) -> None:
    before = list(registry)
    with pytest.raises(ArgumentError, match=f"a second '{before[0]}'"):
        registry.add(registry[before[0]])
    with pytest.raises(ArgumentError, match="one of"):
        registry.remove("nothing of that name")
    assert list(registry) == before
