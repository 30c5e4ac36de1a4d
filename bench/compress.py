"""Coders of networks side by side: NNCodec, Deep Compression's recipe, integers with xz, minbits.

    python bench/compress.py NETWORKS_FOLDER [--nncodec PYTHON] [--fine-tuned NAME=FILE.mbn …]

Every coder gets the same trained networks (``recipes/known_networks.py``) and goes from fine to
coarse, minbits by its own search of steps (`compression.step_search`); of its settings the smallest
stream counts whose decoded network still reaches the accuracy on the validation split. The test set
is not looked at. Streams of the others hold weights only; minbits' files hold the architecture as
well. ``--nncodec`` names the Python of an environment with ``nncodec`` installed (it pins NumPy
below 2).
"""

from __future__ import annotations

import argparse
import itertools
import lzma
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "recipes")]

import deep_compression  # noqa: E402
from known_networks import INPUT_SCALE, trained  # noqa: E402

from minbits.codec.file_format import decode_network, encode_network, read_network  # noqa: E402
from minbits.codec.inference import predict  # noqa: E402
from minbits.codec.quantized_network import QuantizedNetwork  # noqa: E402
from minbits.compression.rounding import round_network  # noqa: E402
from minbits.compression.step_search import coarsest_rounding  # noqa: E402
from minbits.data import load  # noqa: E402
from minbits.data.splits import validation_split  # noqa: E402
from minbits.networks.from_torch import Extracted, from_torch  # noqa: E402
from minbits.networks.input_convention import InputConvention  # noqa: E402
from minbits.networks.parameters import parameter_layout  # noqa: E402
from minbits.training.choice import choose_engine  # noqa: E402
from minbits.training.engine import accuracy  # noqa: E402
from minbits.training.loop import TrainingData, training_data  # noqa: E402
from minbits.types import TrainingRecipe  # noqa: E402

Float = npt.NDArray[np.float32]

TARGETS = {"tiny": 0.99, "pytorch-example": 0.99, "lenet-5": 0.99, "lenet-300-100": 0.981}
QPS = tuple(range(-30, -7))


@dataclass(frozen=True)
class Point:
    """A stream and what the network that it decodes to reaches on validation."""

    size_bits: int
    accuracy: float
    setting: str


class Net:
    """A trained network and the means to judge other parameters for it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.target = name, TARGETS[name]
        self.data = load("mnist")
        _, held_out = validation_split(self.data)
        self.held_out = held_out
        self.validation: TrainingData = training_data(self.data, held_out)
        module = trained(name, folder)
        shape, exponent = self.data.input_shape, self.data.input_exponent
        self.given: Extracted = from_torch(module, shape, exponent, InputConvention(INPUT_SCALE))
        layout = parameter_layout(self.given.architecture, normalised=False)
        pairs = layout.tensors(self.given.values)
        self.tensors: list[Float] = [part for pair in pairs for part in pair if part is not None]

    def judge(self, tensors: list[Float]) -> float:
        """Return the validation accuracy with other weights and biases."""
        values = np.concatenate([part.ravel() for part in tensors]).astype(np.float32)
        recipe = TrainingRecipe(1, 1, batch_normalisation=False)
        engine = choose_engine("auto", self.given.architecture, recipe, 128)
        return accuracy(engine, self.given.architecture, values, self.validation)


def rounded(net: Net) -> Iterator[Point]:
    """Yield minbits without data: rounding and coding alone, steps judged on validation."""
    inputs, labels = net.data.train_inputs[net.held_out], net.data.train_labels[net.held_out]

    def part(network: QuantizedNetwork) -> float:
        return float(np.mean(predict(network, inputs) == labels))

    found = coarsest_rounding(
        net.given.architecture, net.given.values,
        lambda network: part(network) >= net.target - 1e-9,
    )  # fmt: skip
    if found is not None:
        kind = "dependent" if found.is_dependent else "plain"
        yield Point(8 * len(found.content), part(decode_network(found.content)), f"{kind} levels")


def integers(bits: int) -> Callable[[Net], Iterator[Point]]:
    """Return integers of a width, one float32 scale a tensor, packed and compressed by xz."""

    def run(net: Net) -> Iterator[Point]:
        stream, decoded = bytearray(), []
        for tensor in net.tensors:
            largest = 2 ** (bits - 1) - 1
            scale = np.float32(max(float(np.abs(tensor).max()), 1e-12) / largest)
            levels = np.clip(np.rint(tensor / scale), -largest, largest).astype(np.int8)
            stream += np.array([scale], ">f4").tobytes()
            flat = levels.ravel()
            if bits == 4:
                pairs = np.append(flat, 0)[: len(flat) // 2 * 2 + 2 * (len(flat) % 2)] & 15
                flat = (pairs[::2] << 4 | pairs[1::2]).astype(np.uint8)
            stream += flat.tobytes()
            decoded.append(levels * scale)
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
        packed = lzma.compress(bytes(stream), lzma.FORMAT_RAW, filters=filters)
        yield Point(8 * len(packed), net.judge(decoded), f"int{bits}")

    return run


def pruned(net: Net) -> Iterator[Point]:
    """Yield Deep Compression's recipe without retraining, over shares kept and widths."""
    shapes = [tensor.shape for tensor in net.tensors]
    for bits in (5, 4, 3, 2):
        for kept in (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.02):
            content = deep_compression.encode(net.tensors, kept, bits)
            point = Point(
                8 * len(content), net.judge(deep_compression.decode(content, shapes)),
                f"{100 * kept:g} % kept, {bits} bits",
            )  # fmt: skip
            yield point
            if point.accuracy < net.target - 0.05:
                break


def nncodec(python: str) -> Callable[[Net], Iterator[Point]]:
    """Return NNCodec, run in its own environment, over quantisation parameters."""

    def run(net: Net) -> Iterator[Point]:
        with tempfile.TemporaryDirectory(prefix="minbits-bench-") as folder:
            given, out = Path(folder) / "given.npz", Path(folder) / "out.npz"
            names = [f"layer{i:02}.{'weight' if t.ndim > 1 else 'bias'}"
                     for i, t in enumerate(net.tensors)]  # fmt: skip
            np.savez(given, **dict(zip(names, net.tensors, strict=True)))
            worker = str(HERE / "nncodec_worker.py")
            subprocess.run(
                [python, worker, str(given), str(out), *map(str, QPS)],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            found = np.load(out)
            for qp, opt_qp in itertools.product(QPS, (0, 1)):
                key = f"{qp}/{opt_qp}"
                decoded = [found[f"{key}/values/{name}"] for name in names]
                encode, decode = found[f"{key}/seconds"]
                yield Point(
                    8 * int(found[f"{key}/bytes"]), net.judge(decoded),
                    f"qp {qp}{', opt_qp' * opt_qp}, {encode:.2f} s to encode, {decode:.2f} s to "
                    "decode",
                )  # fmt: skip

    return run


def best(points: Iterator[Point], target: float) -> Point | None:
    """Return the smallest stream that reaches the target."""
    fitting = [point for point in points if point.accuracy >= target - 1e-9]
    return min(fitting, key=lambda point: point.size_bits, default=None)


def coding_seconds(net: Net, error: float, runs: int = 5) -> tuple[float, float]:
    """Return minbits' least seconds to encode and to decode a whole network, once warm."""
    network = round_network(net.given.architecture, net.given.values, error)
    content = encode_network(network)
    encoding, decoding = [], []
    for _ in range(runs):
        start = time.perf_counter()
        encode_network(network)
        middle = time.perf_counter()
        decode_network(content)
        encoding.append(middle - start)
        decoding.append(time.perf_counter() - middle)
    return min(encoding), min(decoding)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", type=Path)
    parser.add_argument("--nncodec", help="the Python of an environment with nncodec")
    parser.add_argument("--fine-tuned", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--only", nargs="*", default=list(TARGETS))
    options = parser.parse_args()
    files = dict(item.split("=", 1) for item in options.fine_tuned)
    for name in options.only:
        net = Net(name, options.networks)
        print(
            f"{name}: {len(net.given.values):,} parameters, validation "
            f"{100 * net.judge(net.tensors):.2f} % in float32; at {100 * net.target:g} %:",
            flush=True,
        )
        coders: dict[str, Callable[[Net], Iterator[Point]]] = {
            "int8, xz": integers(8), "int4, xz": integers(4),
            "prune, k-means, Huffman": pruned, "minbits --no-data": rounded,
        }  # fmt: skip
        if options.nncodec:
            coders["NNCodec"] = nncodec(options.nncodec)
        found = {coder: best(run(net), net.target) for coder, run in coders.items()}
        if name in files:
            network = read_network(Path(files[name]))
            predicted = predict(network, net.data.train_inputs[net.held_out])
            part = float(np.mean(predicted == net.data.train_labels[net.held_out]))
            size = 8 * Path(files[name]).stat().st_size
            found["minbits, fine-tuned"] = best(
                iter([Point(size, part, Path(files[name]).name)]), net.target
            )
        others = [p.size_bits for c, p in found.items() if p and not c.startswith("minbits")]
        for coder, point in found.items():
            if point is None:
                print(f"  {coder:<24} misses the accuracy at every setting")
                continue
            ratio = f"{point.size_bits / min(others):.2f} of the best other" if others else ""
            print(
                f"  {coder:<24} {point.size_bits:>12,} bits  {100 * point.accuracy:.2f} %  "
                f"{ratio:<24} ({point.setting})",
                flush=True,
            )
        encode, decode = coding_seconds(net, 2.0**-5)
        print(f"  minbits' coder: {encode:.3f} s to encode, {decode:.3f} s to decode, warm\n")


if __name__ == "__main__":
    main()
