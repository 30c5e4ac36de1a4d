"""Micro-kernels as LLVM vector code, on which every layer rests.

Activations lie as ``[channel, row, column, lane]``: the innermost axis holds `LANES` examples, so
that one vector instruction works on sixteen of them and no layer has leftovers, however thin.
`make_gather` and `make_correlate` keep their sums in registers; written as loops they would spill
every sum to memory, since numba's loop vectoriser does not block registers. Elementwise passes are
vector code for another reason: rows of tiny images are so short that slices cost more than sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR = 16  # floats in one AVX-512 register; narrower machines split a vector in two
LANES = 32
_VECTORS = LANES // VECTOR
_LANE = range(VECTOR)

_FLOAT = ir.FloatType()
_VECTOR_TYPE = ir.VectorType(_FLOAT, VECTOR)
_INT64 = ir.IntType(64)
_INT32 = ir.IntType(32)

Finish = Callable[[list[Any]], list[Any]]


def _intrinsic(builder: Any, kind: Any, name: str) -> Any:
    return cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module, kind, name
    )


def _fused_multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    kind = ir.FunctionType(_VECTOR_TYPE, [_VECTOR_TYPE] * 3)
    function = _intrinsic(builder, kind, f"llvm.fma.v{VECTOR}f32")
    return builder.call(function, [x, y, z])


def _sum_of_vector(builder: Any, x: Any) -> Any:
    kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR_TYPE])
    function = _intrinsic(builder, kind, f"llvm.vector.reduce.fadd.v{VECTOR}f32")
    # Pairwise instead of one after the other: the order is fixed at compile time all the same.
    return builder.call(function, [ir.Constant(_FLOAT, 0.0), x], fastmath=("reassoc",))


def _sums_of_vectors(builder: Any, vectors: list[Any]) -> Any:
    """Return one vector whose lane n is the sum of vector n, of `VECTOR` vectors.

    Four rounds of pairwise folding take 15 additions, where single sums would take 64.
    """
    width = 1
    while len(vectors) > 1:
        low = [lane // width % 2 * VECTOR + lane - lane // width % 2 * width for lane in _LANE]
        folded = []
        for first, second in zip(vectors[::2], vectors[1::2], strict=True):
            masks = (
                ir.Constant(ir.VectorType(_INT32, VECTOR), [lane + shift for lane in low])
                for shift in (0, width)
            )
            parts = [builder.shuffle_vector(first, second, mask) for mask in masks]
            folded.append(builder.fadd(*parts))
        vectors, width = folded, 2 * width
    return vectors[0]


def _broadcast(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_VECTOR_TYPE, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
    mask = ir.Constant(ir.VectorType(_INT32, VECTOR), [0] * VECTOR)
    return builder.shuffle_vector(first, undefined, mask)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _integer(value: int) -> Any:
    return ir.Constant(_INT64, value)


def _load(builder: Any, pointer: Any, index: Any) -> Any:
    address = builder.bitcast(builder.gep(pointer, [index]), _VECTOR_TYPE.as_pointer())
    return builder.load(address, align=4)


def _store(builder: Any, vector: Any, pointer: Any, index: Any) -> None:
    address = builder.bitcast(builder.gep(pointer, [index]), _VECTOR_TYPE.as_pointer())
    builder.store(vector, address, align=4)


def _scalar(builder: Any, pointer: Any, index: Any) -> Any:
    return builder.load(builder.gep(pointer, [index]))


def _loop(builder: Any, count: Any, initial: list[Any]) -> tuple[Any, list[Any], Finish]:
    """Open a counted loop that carries values in registers.

    Returns the counter, the carried values, and a function that closes the loop with the new values
    and returns the final ones.
    """
    before = builder.block
    head = builder.append_basic_block("loop.head")
    body = builder.append_basic_block("loop.body")
    after = builder.append_basic_block("loop.after")
    builder.branch(head)
    builder.position_at_end(head)
    counter = builder.phi(_INT64)
    counter.add_incoming(_integer(0), before)
    carried = []
    for value in initial:
        phi = builder.phi(value.type)
        phi.add_incoming(value, before)
        carried.append(phi)
    builder.cbranch(builder.icmp_signed("<", counter, count), body, after)
    builder.position_at_end(body)

    def finish(new: list[Any]) -> list[Any]:
        end = builder.block
        counter.add_incoming(builder.add(counter, _integer(1)), end)
        for phi, value in zip(carried, new, strict=True):
            phi.add_incoming(value, end)
        builder.branch(head)
        builder.position_at_end(after)
        return carried

    return counter, carried, finish


def make_gather(outputs: int, columns: int) -> Any:
    """Return an intrinsic for ``outputs`` channels at ``columns`` neighbouring positions.

    ``gather(out, at, channel_step, column_step, inputs, in_at, in_column_step, offsets, offset_at,
    taps, weights, weight_at, tap_step, output_step, bias, bias_at, slope)`` computes, for output j,
    column p and every lane,

        sum = bias[bias_at + j]
              + sum over t of weights[weight_at + t * tap_step + j * output_step]
                              * inputs[in_at + p * in_column_step + offsets[offset_at + t]]
        out[at + j * channel_step + p * column_step] = sum if sum > 0 else slope * sum

    All arrays are one-dimensional; offsets are int64, the others float32. A slope of 1 leaves the
    sums as they are, 0 makes them a ReLU.
    """

    @intrinsic
    def gather(
        typing_context: Any, out: Any, at: Any, channel_step: Any, column_step: Any,
        inputs: Any, in_at: Any, in_column_step: Any, offsets: Any, offset_at: Any, taps: Any,
        weights: Any, weight_at: Any, tap_step: Any, output_step: Any, bias: Any, bias_at: Any,
        slope: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(
            out, i, i, i, inputs, i, i, offsets, i, i, weights, i, i, i, bias, i, types.float32
        )

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, source, steps, factors, shifts = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 4, 7, 10, 14)
            )
            at, channel_step, column_step = values[1:4]
            in_at, in_column_step = values[5:7]
            offset_at, taps, bias_at = values[8], values[9], values[15]
            weight_at, tap_step, output_step = values[11:14]
            rows = [
                builder.add(weight_at, builder.mul(output_step, _integer(j)))
                for j in range(outputs)
            ]
            initial = []
            for j in range(outputs):
                shift = _scalar(builder, shifts, builder.add(bias_at, _integer(j)))
                initial += [_broadcast(builder, shift)] * (columns * _VECTORS)
            tap, sums, finish = _loop(builder, taps, initial)
            offset = _scalar(builder, steps, builder.add(offset_at, tap))
            base = builder.add(in_at, offset)
            loaded = []
            for p in range(columns):
                place = builder.add(base, builder.mul(in_column_step, _integer(p)))
                for k in range(_VECTORS):
                    index = builder.add(place, _integer(k * VECTOR))
                    loaded.append(_load(builder, source, index))
            shift = builder.mul(tap, tap_step)
            new = []
            for j in range(outputs):
                factor = _scalar(builder, factors, builder.add(rows[j], shift))
                wide = _broadcast(builder, factor)
                for n, vector in enumerate(loaded):
                    total = sums[j * len(loaded) + n]
                    new.append(_fused_multiply_add(builder, vector, wide, total))
            totals = iter(finish(new))
            slope = _broadcast(builder, values[16])
            zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
            for j in range(outputs):
                row = builder.add(at, builder.mul(channel_step, _integer(j)))
                for p in range(columns):
                    place = builder.add(row, builder.mul(column_step, _integer(p)))
                    for k in range(_VECTORS):
                        index = builder.add(place, _integer(k * VECTOR))
                        total = next(totals)
                        positive = builder.fcmp_ordered(">", total, zero)
                        sloped = builder.fmul(total, slope)
                        _store(builder, builder.select(positive, total, sloped), to, index)
            return context.get_dummy_value()

        return signature, generate

    return gather


def _add_part(builder: Any, vector: Any, start: int, count: int, pointer: Any, index: Any) -> None:
    """Add ``count`` lanes of a vector, from ``start`` on, to memory."""
    kind = ir.VectorType(_FLOAT, count)
    mask = ir.Constant(ir.VectorType(_INT32, count), list(range(start, start + count)))
    part = builder.shuffle_vector(vector, ir.Constant(_VECTOR_TYPE, ir.Undefined), mask)
    address = builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer())
    builder.store(builder.fadd(builder.load(address, align=4), part), address, align=4)


def make_correlate(outputs: int, taps: int) -> Any:
    """Return an intrinsic for the gradient of ``outputs`` x ``taps`` weights.

    ``correlate(gradient, at, output_step, errors, error_at, error_step, inputs, in_at, offsets,
    offset_at, rows, columns, error_row, error_column, in_row, in_column)`` adds to
    ``gradient[at + j * output_step + t]`` the sum over rows r, columns c and lanes of

        errors[error_at + j * error_step + r * error_row + c * error_column]
            * inputs[in_at + offsets[offset_at + t] + r * in_row + c * in_column]
    """

    @intrinsic
    def correlate(
        typing_context: Any, gradient: Any, at: Any, output_step: Any, errors: Any,
        error_at: Any, error_step: Any, inputs: Any, in_at: Any, offsets: Any, offset_at: Any,
        rows: Any, columns: Any, error_row: Any, error_column: Any, in_row: Any, in_column: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(
            gradient, i, i, errors, i, i, inputs, i, offsets, i, i, i, i, i, i, i
        )

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, error, source, steps = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 3, 6, 8)
            )
            at, output_step = values[1:3]
            error_at, error_step, in_at, offset_at = values[4], values[5], values[7], values[9]
            rows, columns, error_row, error_column, in_row, in_column = values[10:16]
            in_places = []
            for t in range(taps):
                offset = _scalar(builder, steps, builder.add(offset_at, _integer(t)))
                in_places.append(builder.add(in_at, offset))
            error_places = [
                builder.add(error_at, builder.mul(error_step, _integer(j))) for j in range(outputs)
            ]
            zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
            row, by_row, finish_rows = _loop(builder, rows, [zero] * (outputs * taps))
            error_start, in_start = builder.mul(row, error_row), builder.mul(row, in_row)
            column, sums, finish_columns = _loop(builder, columns, by_row)
            error_shift = builder.add(error_start, builder.mul(column, error_column))
            in_shift = builder.add(in_start, builder.mul(column, in_column))
            new = list(sums)
            for k in range(_VECTORS):
                error_vectors = [
                    _load(
                        builder,
                        error,
                        builder.add(builder.add(place, error_shift), _integer(k * VECTOR)),
                    )
                    for place in error_places
                ]
                for t, place in enumerate(in_places):
                    index = builder.add(builder.add(place, in_shift), _integer(k * VECTOR))
                    vector = _load(builder, source, index)
                    for j, error_vector in enumerate(error_vectors):
                        n = j * taps + t
                        new[n] = _fused_multiply_add(builder, error_vector, vector, new[n])
            totals = finish_rows(finish_columns(new))
            if outputs * taps == VECTOR:
                whole = _sums_of_vectors(builder, totals)
                for j in range(outputs):
                    place = builder.add(at, builder.mul(output_step, _integer(j)))
                    _add_part(builder, whole, j * taps, taps, to, place)
                return context.get_dummy_value()
            for j in range(outputs):
                for t in range(taps):
                    total = _sum_of_vector(builder, totals[j * taps + t])
                    row_at = builder.add(at, builder.mul(output_step, _integer(j)))
                    address = builder.gep(to, [builder.add(row_at, _integer(t))])
                    builder.store(builder.fadd(builder.load(address), total), address)
            return context.get_dummy_value()

        return signature, generate

    return correlate


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of a square of `VECTOR` vectors.

    Each round exchanges off-diagonal blocks between pairs of vectors, of half the size each time.
    """
    width = VECTOR // 2
    while width:
        masks = []
        for part in (0, width):
            own = [lane for lane in _LANE if lane // width % 2 == 0]
            mask = [0] * VECTOR
            for lane in own:
                mask[lane], mask[lane + width] = lane + part, VECTOR + lane + part
            masks.append(ir.Constant(ir.VectorType(_INT32, VECTOR), mask))
        swapped = list(rows)
        for n in _LANE:
            if n // width % 2 == 0:
                pair = rows[n], rows[n + width]
                swapped[n], swapped[n + width] = (
                    builder.shuffle_vector(*pair, mask) for mask in masks
                )
        rows, width = swapped, width // 2
    return rows


@intrinsic
def _transpose_square(
    typing_context: Any, out: Any, at: Any, out_step: Any, inputs: Any, in_at: Any, offsets: Any,
    offset_at: Any, count: Any,
) -> Any:  # fmt: skip
    """Transpose `VECTOR` x `VECTOR` floats.

    ``transpose_square(out, at, out_step, inputs, in_at, offsets, offset_at, count)`` writes, for
    all m and n below `VECTOR`, ``inputs[in_at + offsets[offset_at + n] + m]`` to
    ``out[at + m * out_step + n]``; offsets from ``count`` on are taken for the last one.
    """
    i = types.intp
    signature = types.void(out, i, i, inputs, i, offsets, i, i)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args
        to, source, steps = (_pointer(context, builder, kinds[n], values[n]) for n in (0, 3, 5))
        last = builder.sub(values[7], _integer(1))
        rows = []
        for n in _LANE:
            inside = builder.icmp_signed("<", last, _integer(n))
            number = builder.select(inside, last, _integer(n))
            offset = _scalar(builder, steps, builder.add(values[6], number))
            rows.append(_load(builder, source, builder.add(values[4], offset)))
        for m, column in enumerate(_transposed(builder, rows)):
            _store(builder, column, to, builder.add(values[1], builder.mul(values[2], _integer(m))))
        return context.get_dummy_value()

    return signature, generate


transpose_square: Any = _transpose_square  # whose type does not know of the first argument


def make_outer(outputs: int, features: int) -> Any:
    """Return an intrinsic for the gradient of ``outputs`` x ``features`` weights, linear layers'.

    ``outer(gradient, at, output_step, errors, error_at, error_step, error_block, inputs, in_at,
    blocks)`` adds to ``gradient[at + j * output_step + f]``, for all f below `LANES`, the sum over
    blocks b and lanes l of

        errors[error_at + j * error_step + b * error_block + l]
            * inputs[in_at + (b * LANES + l) * LANES + f]

    Vectors run over input features, not over examples: no sum is across a vector. ``features``, a
    multiple of `VECTOR`, are at most `LANES`.
    """
    parts = range(features // VECTOR)

    @intrinsic
    def outer(
        typing_context: Any, gradient: Any, at: Any, output_step: Any, errors: Any, error_at: Any,
        error_step: Any, error_block: Any, inputs: Any, in_at: Any, blocks: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(gradient, i, i, errors, i, i, i, inputs, i, i)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, error, source = (_pointer(context, builder, kinds[n], values[n]) for n in (0, 3, 7))
            at, output_step = values[1:3]
            error_at, error_step, error_block = values[4:7]
            in_at, blocks = values[8:10]
            zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
            block, carried, finish_blocks = _loop(builder, blocks, [zero] * (outputs * len(parts)))
            start = builder.add(error_at, builder.mul(block, error_block))
            places = [
                builder.add(start, builder.mul(error_step, _integer(j))) for j in range(outputs)
            ]
            example = builder.mul(block, _integer(LANES))
            lane, sums, finish_lanes = _loop(builder, _integer(LANES), carried)
            row = builder.add(in_at, builder.mul(builder.add(example, lane), _integer(LANES)))
            vectors = [
                _load(builder, source, builder.add(row, _integer(k * VECTOR))) for k in parts
            ]
            new = []
            for j, place in enumerate(places):
                wide = _broadcast(builder, _scalar(builder, error, builder.add(place, lane)))
                for k, vector in enumerate(vectors):
                    total = sums[j * len(parts) + k]
                    new.append(_fused_multiply_add(builder, vector, wide, total))
            totals = iter(finish_blocks(finish_lanes(new)))
            for j in range(outputs):
                row = builder.add(at, builder.mul(output_step, _integer(j)))
                for k in parts:
                    index = builder.add(row, _integer(k * VECTOR))
                    _store(
                        builder, builder.fadd(_load(builder, to, index), next(totals)), to, index
                    )
            return context.get_dummy_value()

        return signature, generate

    return outer


# Adding and taking away 3 * 2^22 rounds to a whole number, left in the low bits of the sum.
_ROUNDING = 3.0 * 2**22
_LN_2 = float(np.float32(math.log(2)))
_SMALLEST_EXPONENT, _LARGEST_EXPONENT = -87.0, 88.0  # of results that are normal numbers
_EXPONENTIAL_TERMS = 8

Body = Callable[["VectorCode", list[Any], list[Any]], tuple[Any, list[Any]]]


class VectorCode:
    """Arithmetic on vectors for the bodies of passes."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def constant(self, value: float) -> Any:
        """Return a vector of one value."""
        return ir.Constant(_VECTOR_TYPE, [value] * VECTOR)

    def plus(self, x: Any, y: Any) -> Any:
        """Return x + y."""
        return self.builder.fadd(x, y)

    def minus(self, x: Any, y: Any) -> Any:
        """Return x - y."""
        return self.builder.fsub(x, y)

    def times(self, x: Any, y: Any) -> Any:
        """Return x * y."""
        return self.builder.fmul(x, y)

    def fused(self, x: Any, y: Any, z: Any) -> Any:
        """Return x * y + z, rounded once."""
        return _fused_multiply_add(self.builder, x, y, z)

    def where_positive(self, x: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where x > 0, ``no`` elsewhere."""
        positive = self.builder.fcmp_ordered(">", x, self.constant(0.0))
        return self.builder.select(positive, yes, no)

    def where_less(self, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where x < y, ``no`` elsewhere and where either is not a number."""
        return self.builder.select(self.builder.fcmp_ordered("<", x, y), yes, no)

    def exponential(self, x: Any) -> Any:
        """Return e to the power of x, to 2 units in the last place; 0 below -87.

        With x = n ln 2 + r it is 2^n, made of bits, times a Taylor polynomial of r.
        """
        rounding = self.constant(_ROUNDING)
        shifted = self.fused(x, self.constant(1 / math.log(2)), rounding)
        n = self.builder.fsub(shifted, rounding)
        # ln 2 in two parts, or its rounding error would count n times.
        r = self.fused(n, self.constant(-_LN_2), x)
        r = self.fused(n, self.constant(_LN_2 - math.log(2)), r)
        factors = [1 / math.factorial(k) for k in range(_EXPONENTIAL_TERMS)]
        power = self.constant(factors.pop())
        while factors:
            power = self.fused(power, r, self.constant(factors.pop()))
        whole = ir.VectorType(_INT32, VECTOR)
        bits = self.builder.bitcast(shifted, whole)
        bits = self.builder.shl(bits, ir.Constant(whole, [23] * VECTOR))
        bits = self.builder.add(bits, ir.Constant(whole, [127 << 23] * VECTOR))
        scaled = self.times(power, self.builder.bitcast(bits, _VECTOR_TYPE))
        low, high = self.constant(_SMALLEST_EXPONENT), self.constant(_LARGEST_EXPONENT)
        scaled = self.where_less(x, low, self.constant(0.0), scaled)
        return self.where_less(high, x, self.constant(math.inf), scaled)

    def clipped(self, x: Any, low: float, high: float) -> Any:
        """Return x held within ``low`` and ``high``."""
        for bound, sign in ((low, "<"), (high, ">")):
            limit = self.constant(bound)
            beyond = self.builder.fcmp_ordered(sign, x, limit)
            x = self.builder.select(beyond, limit, x)
        return x

    def where_inside(self, x: Any, low: float, high: float, inside: Any) -> Any:
        """Return ``inside`` where low < x < high, 0 below and 1 above."""
        above_low = self.builder.fcmp_ordered(">", x, self.constant(low))
        below_high = self.builder.fcmp_ordered("<", x, self.constant(high))
        upper = self.builder.select(below_high, inside, self.constant(1.0))
        return self.builder.select(above_low, upper, self.constant(0.0))


class _Pixels(NamedTuple):
    """The pixels of two images of lanes, and where what is made of them goes.

    Attributes:
        builder: writes the code.
        values: of the call: ``out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, …``.
        images: pointers to ``out``, ``a`` and ``b``.
        scalars: what the body is given for each vector of a pixel.
    """

    builder: Any
    values: Any
    images: tuple[Any, Any, Any]
    scalars: list[list[Any]]

    def run(self, body: Body, sums: int, writes: bool) -> list[Any]:
        """Call the body for every vector, row by row, and return its sums, vector by vector."""
        builder, values, (to, first, second) = self.builder, self.values, self.images
        code = VectorCode(builder)
        zero = code.constant(0.0)
        row, by_row, finish_rows = _loop(builder, values[9], [zero] * (sums * _VECTORS))
        starts = [builder.add(values[n], builder.mul(row, values[n + 1])) for n in (1, 4, 7)]
        column, carried, finish_columns = _loop(builder, values[10], by_row)
        shift = builder.mul(column, _integer(LANES))
        new = list(carried)
        for k, scalars in enumerate(self.scalars):
            out_at, a_place, b_place = (
                builder.add(builder.add(start, shift), _integer(k * VECTOR)) for start in starts
            )
            vectors = [_load(builder, first, a_place), _load(builder, second, b_place)]
            result, parts = body(code, vectors, scalars)
            if writes:
                _store(builder, result, to, out_at)
            for n, part in enumerate(parts):
                new[n * _VECTORS + k] = builder.fadd(new[n * _VECTORS + k], part)
        found: list[Any] = finish_rows(finish_columns(new))
        return found


def make_pass(body: Body, sums: int = 0, writes: bool = True) -> Any:
    """Return an intrinsic that runs elementwise over the rows of two images of lanes.

    ``run(out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, x, y, z, totals,
    totals_at)`` calls ``body(code, [a, b], [x, y, z])`` for every vector; the body returns what is
    written to ``out`` and what is added to ``totals[totals_at]``, ``totals[totals_at + 1]`` ….

    Args:
        body: the arithmetic.
        sums: how many totals there are.
        writes: whether ``out`` is written.
    """

    @intrinsic
    def run(
        typing_context: Any, out: Any, at: Any, out_row: Any, a: Any, a_at: Any, a_row: Any,
        b: Any, b_at: Any, b_row: Any, rows: Any, columns: Any, x: Any, y: Any, z: Any,
        totals: Any, totals_at: Any,
    ) -> Any:  # fmt: skip
        i, f = types.intp, types.float32
        signature = types.void(out, i, i, a, i, i, b, i, i, i, i, f, f, f, totals, i)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, first, second, total = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 3, 6, 14)
            )
            scalars = [_broadcast(builder, values[n]) for n in (11, 12, 13)]
            pixels = _Pixels(builder, values, (to, first, second), [scalars] * _VECTORS)
            found = pixels.run(body, sums, writes)
            for n in range(sums):
                whole = found[n * _VECTORS]
                for k in range(1, _VECTORS):
                    whole = builder.fadd(whole, found[n * _VECTORS + k])
                address = builder.gep(total, [builder.add(values[15], _integer(n))])
                reduced = _sum_of_vector(builder, whole)
                builder.store(builder.fadd(builder.load(address), reduced), address)
            return context.get_dummy_value()

        return signature, generate

    return run


def make_example_pass(body: Body, sums: int = 0, writes: bool = True) -> Any:
    """Return an intrinsic like that of `make_pass`, whose factors and sums are of one lane each.

    ``run(out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, factors, first, second,
    totals, totals_at)`` calls ``body(code, [a, b], [factors[first + lane], factors[second +
    lane]])`` for every vector; what the body returns for sums is added up lane by lane, in
    ``totals[totals_at + lane]``, ``totals[totals_at + LANES + lane]`` ….

    Args:
        body: the arithmetic.
        sums: how many totals a lane has.
        writes: whether ``out`` is written.
    """

    @intrinsic
    def run(
        typing_context: Any, out: Any, at: Any, out_row: Any, a: Any, a_at: Any, a_row: Any,
        b: Any, b_at: Any, b_row: Any, rows: Any, columns: Any, factors: Any, first: Any,
        second: Any, totals: Any, totals_at: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(out, i, i, a, i, i, b, i, i, i, i, factors, i, i, totals, i)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, one, other, factor, total = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 3, 6, 11, 14)
            )
            scalars = [
                [
                    _load(builder, factor, builder.add(values[n], _integer(k * VECTOR)))
                    for n in (12, 13)
                ]
                for k in range(_VECTORS)
            ]
            pixels = _Pixels(builder, values, (to, one, other), scalars)
            for n, found in enumerate(pixels.run(body, sums, writes)):
                place = builder.add(values[15], _integer(n * VECTOR))
                _store(builder, builder.fadd(_load(builder, total, place), found), total, place)
            return context.get_dummy_value()

        return signature, generate

    return run


def _windows(out: Any, noted: Any, inputs: Any, offsets: Any) -> Any:
    i = types.intp
    return types.void(out, i, noted, i, inputs, i, offsets, i, i, i, i, types.float32)


def _make_window(walk: Callable[..., None]) -> Any:
    """Return an intrinsic over the windows of one row.

    ``run(out, at, noted, noted_at, inputs, in_at, offsets, offsets_at, count, step, columns,
    share)``: window ``c`` has the places ``c * step + offsets[offsets_at + n]`` for n below
    ``count`` on the side of the larger image, and ``c * LANES`` on the other.
    """

    @intrinsic
    def run(
        typing_context: Any, out: Any, at: Any, noted: Any, noted_at: Any, inputs: Any,
        in_at: Any, offsets: Any, offsets_at: Any, count: Any, step: Any, columns: Any, share: Any,
    ) -> Any:  # fmt: skip
        signature = _windows(out, noted, inputs, offsets)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, note, source, places = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 2, 4, 6)
            )
            column, _, finish = _loop(builder, values[10], [])
            large = builder.mul(column, values[9])
            small = builder.mul(column, _integer(LANES))
            for k in range(_VECTORS):
                lane = _integer(k * VECTOR)

                def offset(n: Any, lane: Any = lane, large: Any = large) -> Any:
                    place = _scalar(builder, places, builder.add(values[7], n))
                    return builder.add(builder.add(large, place), lane)

                share = _broadcast(builder, values[11])
                window = _Window(values[8], offset, builder.add(small, lane), share)
                walk(builder, window, (to, values[1]), (note, values[3]), (source, values[5]))
            finish([])
            return context.get_dummy_value()

        return signature, generate

    return run


_Memory = tuple[Any, Any]  # a pointer and where the row starts


class _Window(NamedTuple):
    """One window of a row: how many inputs it has, where they are, and where its output is."""

    count: Any
    offset: Callable[[Any], Any]
    place: Any
    share: Any


def _read(builder: Any, memory: _Memory, place: Any) -> Any:
    return _load(builder, memory[0], builder.add(memory[1], place))


def _write(builder: Any, vector: Any, memory: _Memory, place: Any) -> None:
    _store(builder, vector, memory[0], builder.add(memory[1], place))


def _find_maximum(
    builder: Any, window: _Window, out: _Memory, noted: _Memory, inputs: _Memory
) -> None:
    zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
    initial = [_read(builder, inputs, window.offset(_integer(0))), zero]
    n, (best, winner), finish = _loop(builder, window.count, initial)
    value = _read(builder, inputs, window.offset(n))
    number = _broadcast(builder, builder.sitofp(n, _FLOAT))
    larger = builder.fcmp_ordered(">", value, best)
    found = finish([builder.select(larger, value, best), builder.select(larger, number, winner)])
    _write(builder, found[0], out, window.place)
    _write(builder, found[1], noted, window.place)


def _return_to_winner(
    builder: Any, window: _Window, out: _Memory, noted: _Memory, inputs: _Memory
) -> None:
    zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
    error, winner = _read(builder, inputs, window.place), _read(builder, noted, window.place)
    n, _, finish = _loop(builder, window.count, [])
    number = _broadcast(builder, builder.sitofp(n, _FLOAT))
    won = builder.fcmp_ordered("==", winner, number)
    _write(builder, builder.select(won, error, zero), out, window.offset(n))
    finish([])


def _find_mean(
    builder: Any, window: _Window, out: _Memory, noted: _Memory, inputs: _Memory
) -> None:
    zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
    n, (total,), finish = _loop(builder, window.count, [zero])
    found = finish([builder.fadd(total, _read(builder, inputs, window.offset(n)))])
    _write(builder, builder.fmul(found[0], window.share), out, window.place)


def _return_to_all(
    builder: Any, window: _Window, out: _Memory, noted: _Memory, inputs: _Memory
) -> None:
    error = builder.fmul(_read(builder, inputs, window.place), window.share)
    n, _, finish = _loop(builder, window.count, [])
    _write(builder, error, out, window.offset(n))
    finish([])


# Largest input of each window and its number, the first of equals; and the way back of the errors.
window_maximum = _make_window(_find_maximum)
return_to_winner = _make_window(_return_to_winner)
# Mean of each window, with 1 / count as share; and the way back.
window_mean = _make_window(_find_mean)
return_to_all = _make_window(_return_to_all)
