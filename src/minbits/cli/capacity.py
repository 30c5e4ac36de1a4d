"""``minbits capacity``: what theory promises, and what a data set needs."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from minbits.capacity.bounds import capacity_table
from minbits.capacity.channels import (
    binary_erasure_capacity,
    binary_symmetric_capacity,
    discrete_capacity,
    gaussian_capacity,
)
from minbits.capacity.cover import (
    MAX_EXACT_POINTS,
    dichotomy_count,
    log2_dichotomies,
    separable_probabilities,
    separable_probability,
)
from minbits.capacity.fano import least_information_bits, random_labelling_bits
from minbits.capacity.linear_separability import measure_separability
from minbits.capacity.network_shape import parse_input_shape, parse_network
from minbits.capacity.noisy_network import (
    layer_throughput_bits,
    noisy_weights_bits,
    quantised_unit_capacity,
    sequential_capacity,
)
from minbits.charts.chart import picture_kind
from minbits.charts.cover_chart import cover_curves, draw_cover_curves
from minbits.cli.capacity_tables import print_capacity_lines
from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.need_tables import print_need
from minbits.cli.output import (
    JsonOptions,
    ShowOptions,
    console,
    print_json,
    print_report,
    print_table,
    progress_printer,
)
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.jobs.need import need_job, plain_need
from minbits.jobs.need_request import NeedRequest

MAX_DIGITS = 60

NetworkArgument = Annotated[
    str, typer.Argument(help="784-300-100-10, a network of the zoo, or the grammar's text.")
]
InputShapeOption = Annotated[
    str, typer.Option("--input", help="One example, for the zoo and the grammar.")
]

capacity_app = typer.Typer(
    help=(
        "What a network can hold, by every formula with its assumptions, and what a data set "
        "needs. Example: minbits capacity network 784-300-100-10"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@capacity_app.command()
@command
def network(
    architecture: NetworkArgument,
    input_shape: InputShapeOption = "1x28x28",
    examples: Annotated[
        int, typer.Option(help="N, for the formula that counts labellings.")
    ] = 60_000,
    bits: Annotated[int, typer.Option(help="Bits of a stored parameter.")] = 32,
    *,
    show: JsonOptions,
) -> None:
    """Print every capacity formula for an architecture: what it bounds, assumptions, source.

    Example: minbits capacity network pytorch-example
    """
    shape = parse_network(architecture, parse_input_shape(input_shape))
    lines = capacity_table(shape, examples, bits)
    if show.json:
        print_json(
            {
                "architecture": architecture,
                "parameters": shape.parameters,
                "examples": examples,
                "lines": [dataclasses.asdict(line) for line in lines],
            }
        )
        return
    print_capacity_lines(f"{architecture}: {shape.parameters:,} parameters", lines)


@capacity_app.command()
@command
def separable(
    points: Annotated[int, typer.Argument(help="N, labels.")],
    weights: Annotated[int, typer.Argument(help="K, weights of a threshold unit, bias included.")],
    draws: Annotated[int, typer.Option(help="Also measure with so many random labellings.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the random labellings.")] = 0,
    *,
    show: JsonOptions,
) -> None:
    """Print how many of 2^N labellings a threshold unit realises, and how likely a random one is.

    Example: minbits capacity separable 10 5
    """
    log2_count = log2_dichotomies(points, weights)
    found: dict[str, Any] = {
        "points": points,
        "weights": weights,
        "log2_dichotomies": log2_count,
        "bits_per_weight": log2_count / weights,
        "probability": separable_probability(points, weights),
        "dichotomies": None,
    }
    if points <= MAX_EXACT_POINTS and log2_count < 3.3 * MAX_DIGITS:
        found["dichotomies"] = dichotomy_count(points, weights)
    if draws:
        measured = measure_separability(points, weights, draws, seed)
        found["measured"] = measured.measured
        found["measured_interval_95"] = [measured.interval.low, measured.interval.high]
        found["draws"] = draws
    if show.json:
        print_json(found)
        return
    count = "" if found["dichotomies"] is None else f"{found['dichotomies']:,} = "
    console().print(
        f"T({points:,}, {weights:,}) = {count}2^{log2_count:,.4f} of 2^{points:,} labellings: "
        f"counting capacity {log2_count:,.4f} bits, {log2_count / weights:,.4f} a weight.",
        soft_wrap=True,
    )
    console().print(
        f"A random labelling is separable with probability {found['probability']:.6g}; "
        f"memorisation capacity, where that is one half: N = 2K = {2 * weights:,}.",
        soft_wrap=True,
    )
    if draws:
        low, high = found["measured_interval_95"]
        console().print(
            f"Measured by linear programming on {draws:,} draws: {found['measured']:.4f} "
            f"(95 % interval {low:.4f} to {high:.4f})."
        )


@capacity_app.command()
@command
def curve(
    weights: Annotated[
        list[int] | None, typer.Option(help="K; give it several times.", show_default="10 50 1000")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the chart goes: .png, .svg or .pdf.", show_default="no picture"),
    ] = None,
    draws: Annotated[int, typer.Option(help="Measure so many labellings a point, K <= 200.")] = 0,
    *,
    show: JsonOptions,
) -> None:
    """Print or draw the fraction of separable labellings against N / K, with its step at 2.

    Example: minbits capacity curve --weights 10 --weights 100 --out cover.png
    """
    if out is not None:
        check_outputs({"the figure": out})
        picture_kind(out)
    chosen = weights or [10, 50, 1000]
    curves = cover_curves(chosen)
    measured = [
        measure_separability(max(1, round(load * count)), count, draws, 0)
        for count in chosen
        if draws and count <= 200
        for load in (1.4, 1.7, 2.0, 2.3, 2.6)
    ]
    if out is not None:
        draw_cover_curves(curves, measured).save(out)
    figure = None if out is None else str(out)
    loads = {
        count: {f"{load:g}": _separable(round(load * count), count) for load in _LOADS}
        for count in chosen
    }
    if show.json:
        print_json(
            {
                "figure": figure,
                "probabilities": [
                    {"weights": count, "by_load": by_load} for count, by_load in loads.items()
                ],
                "measured": [dataclasses.asdict(point) for point in measured],
            }
        )
        return
    print_table(
        "Probability that N random labels are separable, by N / K",
        [("K", "right"), *((f"{load:g}", "right") for load in _LOADS)],
        [
            (f"{count:,}", *(f"{value:.4f}" for value in by_load.values()))
            for count, by_load in loads.items()
        ],
    )
    for point in measured:
        console().print(
            f"Measured, K = {point.weights:,}, N = {point.points:,}: {point.measured:.4f} "
            f"({point.interval.low:.4f} to {point.interval.high:.4f}).",
            soft_wrap=True,
        )
    if figure is not None:
        console().print(f"Figure: {figure}", soft_wrap=True)


_LOADS = (1.0, 1.5, 1.8, 2.0, 2.2, 2.5, 3.0)


def _separable(points: int, weights: int) -> float:
    return float(separable_probabilities(np.array([points]), weights)[0])


class ChannelKind(StrEnum):
    """A channel whose capacity is known."""

    bsc = "bsc"
    bec = "bec"
    gaussian = "gaussian"
    discrete = "discrete"


@capacity_app.command()
@command
def channel(
    kind: Annotated[ChannelKind, typer.Argument(help="What kind of channel.")],
    parameter: Annotated[
        str,
        typer.Argument(
            help="Flip or erasure probability, S/N, or rows P(output|input) as JSON lists."
        ),
    ],
    gap: Annotated[float, typer.Option(help="Certified gap in bits, of a discrete one.")] = 1e-9,
    *,
    show: JsonOptions,
) -> None:
    """Print the capacity of a noisy channel in bits a use.

    Example: minbits capacity channel discrete "[[0.9, 0.1], [0.2, 0.8]]"
    """
    found: dict[str, Any] = {"channel": kind.value, "unit": "bits a use"}
    if kind is ChannelKind.discrete:
        answer = discrete_capacity(_matrix(parameter), gap)
        found["capacity_bits"] = answer.lower_bits
        found["lower_bits"] = answer.lower_bits
        found["upper_bits"] = answer.upper_bits
        found["input_distribution"] = answer.input_distribution.tolist()
        found["iterations"] = answer.iterations
    else:
        formula = {
            ChannelKind.bsc: binary_symmetric_capacity,
            ChannelKind.bec: binary_erasure_capacity,
            ChannelKind.gaussian: gaussian_capacity,
        }[kind]
        found["capacity_bits"] = formula(_number(parameter))
    if show.json:
        print_json(found)
        return
    text = f"Capacity of the {kind.value} channel: {found['capacity_bits']:.9f} bits a use"
    if kind is ChannelKind.discrete:
        inputs = ", ".join(f"{value:.6f}" for value in found["input_distribution"])
        text += f" at least, {found['upper_bits']:.9f} at most; inputs used with {inputs}"
    console().print(f"{text}.", soft_wrap=True)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentError("channel", f"'{text}'", "a number", "Write it as 0.1.") from None


def _matrix(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.array(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError):
        raise ArgumentError(
            "channel", f"'{text}'", "rows as JSON", 'Write them as "[[0.9, 0.1], [0.2, 0.8]]".'
        ) from None


@capacity_app.command()
@command
def noisy(
    architecture: NetworkArgument,
    input_shape: InputShapeOption = "1x28x28",
    activation_bits: Annotated[int, typer.Option(help="Bits of an activation, 1 to 8.")] = 4,
    noise: Annotated[
        float, typer.Option(help="Standard deviation of the noise on activations in [0, 1].")
    ] = 0.1,
    weight_noise: Annotated[
        float, typer.Option(help="Standard deviation of the noise, over that of the weights.")
    ] = 0.5,
    *,
    show: JsonOptions,
) -> None:
    """Print what a network of noisy weights and of noisy, quantised activations can carry.

    Example: minbits capacity noisy 784-300-100-10 --activation-bits 4 --noise 0.1
    """
    shape = parse_network(architecture, parse_input_shape(input_shape))
    unit = quantised_unit_capacity(activation_bits, noise)
    layers = layer_throughput_bits(shape, unit.upper_bits)
    found = {
        "architecture": architecture,
        "unit_bits": [unit.lower_bits, unit.upper_bits],
        "layer_bits_per_example": list(layers),
        "network_bits_per_example": sequential_capacity(layers),
        "weight_bits": noisy_weights_bits(shape.parameters, 1.0, weight_noise),
    }
    if show.json:
        print_json(found)
        return
    console().print(
        f"A unit of {activation_bits} bits with noise {noise:g} carries {unit.lower_bits:.6f} to "
        f"{unit.upper_bits:.6f} bits. The layers let pass at most "
        f"{', '.join(f'{bits:,.1f}' for bits in layers)} bits of one example, so that the network "
        f"lets pass at most {found['network_bits_per_example']:,.1f}. {shape.parameters:,} weights "
        f"with noise of {weight_noise:g} times their deviation carry at most "
        f"{found['weight_bits']:,.0f} bits from training to use.",
        soft_wrap=True,
    )


@capacity_app.command()
@command
def fano(
    error_rate: Annotated[float, typer.Argument(help="Wanted error rate, 0 to 1.")],
    classes: Annotated[int, typer.Argument(help="C, at least 2.")],
    examples: Annotated[int, typer.Option(help="N, for a whole set of random labels.")] = 1,
    *,
    show: JsonOptions,
) -> None:
    """Print the least information for an error rate, classes being equally likely.

    Example: minbits capacity fano 0.01 10 --examples 60000
    """
    if classes < 2:
        raise ArgumentError("classes", str(classes), "2 or more", "Add classes.")
    entropy = float(np.log2(classes))
    least = least_information_bits(entropy, error_rate, classes)
    total = random_labelling_bits(examples, entropy, 1 - error_rate, classes)
    if show.json:
        print_json(
            {
                "error_rate": error_rate,
                "classes": classes,
                "least_information_bits_per_example": least,
                "examples": examples,
                "random_labelling_bits": total,
            }
        )
        return
    console().print(
        f"At an error rate of {error_rate:g} an input must tell at least {least:.5f} of "
        f"{entropy:.5f} bits about its label (Fano: a lower bound of I(X;Y)). {examples:,} labels "
        f"drawn at random need at least {total:,.0f} bits of network on average (rate-distortion).",
        soft_wrap=True,
    )


@capacity_app.command()
@command
def need(data: DataArgument, request: NeedRequest, source: DataOptions, show: ShowOptions) -> None:
    """Go from entropy to neurons and weights: the question's estimate, corrected in four steps.

    Example: minbits capacity need mnist --no-measure
    """
    report = need_job(source.load(data), request, progress_printer(show.quiet))
    print_report(report, show, plain_need, print_need)
