from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from minbits.errors import ArgumentError, DataError
from minbits.evaluation.known_network import FoundNetwork
from minbits.facade import audit
from minbits.model_audit.lossless import lossless_sizes, shuffle_bytes, unshuffle_bytes
from minbits.model_audit.matrix_rank import _from_probes, _from_spectrum, matrix_rank
from minbits.model_audit.quantised_code import decode_tensors, encode_tensors, quantise
from minbits.model_audit.quantised_search import pack, quantise_without_loss, unpack
from minbits.model_audit.run import audit_subject
from minbits.model_audit.subject import StoredTensor, Subject
from minbits.model_audit.torch_subject import torch_subject
from minbits.networks.examples import LeNet300100
from minbits.types import DataSet


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(1, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.out = nn.Linear(6 * 36, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(functional.relu(self.norm(self.body(x))).flatten(1))


@pytest.fixture(scope="module")
def trained(tiny: DataSet) -> Small:
    torch.manual_seed(0)
    module = Small()
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    inputs = torch.from_numpy(tiny.train_inputs).float() / 256
    labels = torch.from_numpy(tiny.train_labels)
    for _ in range(60):
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
    return module.eval()


@given(
    st.lists(
        st.tuples(st.lists(st.integers(-40, 40), min_size=1, max_size=60), st.floats(1e-6, 1e3)),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.binary(max_size=20), max_size=3),
)
def test_tensors_come_back_from_their_bytes(
    tensors: list[tuple[list[int], float]], exact: list[bytes]
) -> None:
    given_tensors = [
        quantise(np.array(levels, np.float32) * np.float32(step), step) for levels, step in tensors
    ]
    packed = encode_tensors(given_tensors, exact)
    sizes = [len(tensor.levels) for tensor in given_tensors]
    found, rest = decode_tensors(packed, sizes, [len(item) for item in exact])
    for one, other in zip(given_tensors, found, strict=True):
        assert np.array_equal(one.levels, other.levels)
        assert one.step == other.step
    assert rest == exact


def test_the_length_is_close_to_the_entropy() -> None:
    generator = np.random.default_rng(0)
    values = generator.standard_normal(100_000).astype(np.float32)
    tensor = quantise(values, 0.5)
    _, counts = np.unique(tensor.levels, return_counts=True)
    share = counts / counts.sum()
    entropy = float(-(share * np.log2(share)).sum()) * len(values)
    bits = 8 * len(encode_tensors([tensor], []))
    assert entropy <= bits <= entropy * 1.002 + 600
    assert np.abs(tensor.values - values).max() <= 0.25 + 1e-6


def test_steps_that_cannot_be_are_refused() -> None:
    for step in (0.0, float("nan"), 1e-12):
        with pytest.raises(ArgumentError, match="a larger step"):
            quantise(np.ones(3, np.float32), step)


@given(st.binary(max_size=64))
def test_shuffled_bytes_come_back(raw: bytes) -> None:
    raw = raw[: len(raw) // 4 * 4]
    assert unshuffle_bytes(shuffle_bytes(raw, 4), 4) == raw


def tensor_of(values: np.ndarray, name: str = "layer.weight") -> StoredTensor:
    values = values.astype(np.float32)
    return StoredTensor(name, "layer", values.shape, 32, True, lambda: values, values.tobytes)


def test_ranks_are_those_of_the_singular_values() -> None:
    generator = np.random.default_rng(0)
    low = generator.standard_normal((40, 3)) @ generator.standard_normal((3, 70))
    found = matrix_rank(tensor_of(low))
    assert found is not None
    assert found.rank == 3
    squares = np.linalg.svd(low, compute_uv=False) ** 2
    exact = squares.sum() ** 2 / (squares**2).sum()
    assert found.effective_rank == pytest.approx(exact, rel=1e-4)
    assert found.redundancy > 0.8
    free = matrix_rank(tensor_of(generator.standard_normal((300, 80))))
    assert free is not None
    assert free.rank == 80
    assert free.redundancy < 0.02
    assert matrix_rank(tensor_of(np.zeros(5))) is None
    nothing = matrix_rank(tensor_of(np.zeros((5, 4))))
    assert nothing is not None
    assert (nothing.rank, nothing.redundancy) == (0, 1.0)


def test_probes_agree_with_the_spectrum() -> None:
    matrix = np.random.default_rng(1).standard_normal((200, 500)).astype(np.float32)
    matrix *= np.linspace(0.1, 2, 500, dtype=np.float32)
    assert _from_probes(matrix) == pytest.approx(_from_spectrum(matrix)[1], rel=0.1)


def test_constant_weights_compress_and_random_mantissas_do_not() -> None:
    constant = Subject("c", "test", (tensor_of(np.ones((50, 50))),), None, "", None)
    assert lossless_sizes(constant)[0].size_bits < 1000
    values = np.random.default_rng(0).standard_normal((100, 100))
    random = Subject("r", "test", (tensor_of(values),), None, "", None)
    sizes = lossless_sizes(random)
    assert sizes == tuple(sorted(sizes, key=lambda size: size.size_bits))
    # 23 bits of mantissa and a sign are noise; the exponents are not.
    assert 24 * 10_000 < sizes[0].size_bits < 29 * 10_000
    assert "byte planes" in sizes[0].method


def test_quantising_loses_nothing_where_it_was_chosen(trained: Small, tiny: DataSet) -> None:
    subject = torch_subject(trained, "small", (1, 8, 8), 8)
    inputs, labels = tiny.train_inputs[:150], tiny.train_labels[:150]
    found = quantise_without_loss(subject, inputs, labels)
    assert found is not None
    size, packed = found
    assert size.size_bits == 8 * len(packed) < subject.stored_bits / 4
    assert size.correct_after >= size.correct_before
    values = unpack(subject, packed)
    assert set(values) == {name for name, _ in trained.named_parameters()}
    assert subject.runner is not None
    again = subject.runner.with_tensors(values, inputs).argmax(1)
    assert int((again == labels).sum()) == size.correct_after
    assert len(pack(subject, 1.0)) < len(pack(subject, 0.01))


def test_the_audit_accounts_for_every_bit(trained: Small, tiny: DataSet) -> None:
    found = FoundNetwork(500, 1.0, "a test")
    report = audit_subject(torch_subject(trained, "small", (1, 8, 8), 8), tiny, found)
    assert sum(layer.parameters for layer in report.layers) == report.parameters
    assert sum(layer.stored_bits for layer in report.layers) == report.stored_bits
    assert report.stored_bits == 32 * (report.parameters + 12)  # running means and variances
    assert sum(layer.lossless_bits for layer in report.layers) == report.lossless[0].size_bits
    assert report.labels is not None
    assert report.quantised is not None
    assert report.labels.test_correct / 200 > 0.9
    assert report.labels.test_correct_quantised is not None
    assert report.labels.residual_bits < report.labels.total_bits
    equivocation = next(x for x in report.capacity if x.key == "maximum_equivocation").value
    assert equivocation is not None
    entropy = report.labels.label_entropy_bits
    assert report.labels.friedland_generalisation == pytest.approx(
        report.labels.correct * entropy / equivocation
    )
    assert f"spends {report.stored_bits / 500:,.1f}x what was found sufficient" in report.verdict
    json.dumps(dataclasses.asdict(report), allow_nan=False)
    activity = {layer.name: layer.activity for layer in report.layers}
    assert activity["body"] is not None
    assert activity["out"] is None


def test_without_data_less_is_said() -> None:
    report = audit_subject(torch_subject(LeNet300100(), "lenet", (1, 28, 28)))
    assert report.labels is None
    assert report.quantised is None
    assert report.quantised_note == "no data"
    assert "give `data`" in report.verdict
    bare = audit_subject(torch_subject(LeNet300100(), "lenet", None))
    assert bare.capacity == ()


def test_the_library_audits_a_module(trained: Small, tiny: DataSet) -> None:
    report = audit(trained, tiny, name="mine")
    assert report.name == "mine"
    assert "its own size" in report.verdict


def test_a_model_of_too_few_classes_is_refused(mnist: DataSet) -> None:
    class Two(LeNet300100):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, :2]

    with pytest.raises(DataError, match="2 logits"):
        audit(Two(), mnist)
    with pytest.raises(ArgumentError, match="at least 1"):
        audit(LeNet300100(), examples=0)
