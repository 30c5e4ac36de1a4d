"""Two micro-kernels as LLVM vector code, on which every convolution and linear layer rests.

Activations lie as ``[channel, row, column, lane]``: the innermost axis holds `LANES` examples, so
that one vector instruction works on sixteen of them and no layer has leftovers, however thin. Both
kernels keep their sums in registers; written as loops they would spill every sum to memory, since
numba's loop vectoriser does not block registers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR = 16  # floats in one AVX-512 register; narrower machines split a vector in two
LANES = 32
_VECTORS = LANES // VECTOR

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
    taps, weights, weight_at, bias, bias_at, slope)`` computes, for output j, column p and every
    lane,

        sum = bias[bias_at + j]
              + sum over t of weights[weight_at + t * outputs + j]
                              * inputs[in_at + p * in_column_step + offsets[offset_at + t]]
        out[at + j * channel_step + p * column_step] = sum if sum > 0 else slope * sum

    All arrays are one-dimensional; offsets are int64, the others float32. A slope of 1 leaves the
    sums as they are, 0 makes them a ReLU.
    """

    @intrinsic
    def gather(
        typing_context: Any, out: Any, at: Any, channel_step: Any, column_step: Any,
        inputs: Any, in_at: Any, in_column_step: Any, offsets: Any, offset_at: Any, taps: Any,
        weights: Any, weight_at: Any, bias: Any, bias_at: Any, slope: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(
            out, i, i, i, inputs, i, i, offsets, i, i, weights, i, bias, i, types.float32
        )

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, source, steps, factors, shifts = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 4, 7, 10, 12)
            )
            at, channel_step, column_step = values[1:4]
            in_at, in_column_step = values[5:7]
            offset_at, taps, weight_at, bias_at = values[8], values[9], values[11], values[13]
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
            first = builder.add(weight_at, builder.mul(tap, _integer(outputs)))
            new = []
            for j in range(outputs):
                factor = _scalar(builder, factors, builder.add(first, _integer(j)))
                wide = _broadcast(builder, factor)
                for n, vector in enumerate(loaded):
                    total = sums[j * len(loaded) + n]
                    new.append(_fused_multiply_add(builder, vector, wide, total))
            totals = iter(finish(new))
            slope = _broadcast(builder, values[14])
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


def make_correlate(outputs: int, taps: int) -> Any:
    """Return an intrinsic for the gradient of ``outputs`` x ``taps`` weights.

    ``correlate(gradient, at, output_step, tap_step, errors, error_at, error_step, inputs, in_at,
    offsets, offset_at, rows, columns, error_row, error_column, in_row, in_column)`` adds to
    ``gradient[at + j * output_step + t * tap_step]`` the sum over rows r, columns c and lanes of

        errors[error_at + j * error_step + r * error_row + c * error_column]
            * inputs[in_at + offsets[offset_at + t] + r * in_row + c * in_column]
    """

    @intrinsic
    def correlate(
        typing_context: Any, gradient: Any, at: Any, output_step: Any, tap_step: Any,
        errors: Any, error_at: Any, error_step: Any, inputs: Any, in_at: Any, offsets: Any,
        offset_at: Any, rows: Any, columns: Any, error_row: Any, error_column: Any, in_row: Any,
        in_column: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        signature = types.void(
            gradient, i, i, i, errors, i, i, inputs, i, offsets, i, i, i, i, i, i, i
        )

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kinds = signature.args
            to, error, source, steps = (
                _pointer(context, builder, kinds[n], values[n]) for n in (0, 4, 7, 9)
            )
            at, output_step, tap_step = values[1:4]
            error_at, error_step, in_at, offset_at = values[5], values[6], values[8], values[10]
            rows, columns, error_row, error_column, in_row, in_column = values[11:17]
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
            for j in range(outputs):
                for t in range(taps):
                    total = _sum_of_vector(builder, totals[j * taps + t])
                    place = builder.add(
                        builder.add(at, builder.mul(output_step, _integer(j))),
                        builder.mul(tap_step, _integer(t)),
                    )
                    address = builder.gep(to, [place])
                    builder.store(builder.fadd(builder.load(address), total), address)
            return context.get_dummy_value()

        return signature, generate

    return correlate


def _places(builder: Any, start: Any) -> list[Any]:
    return [builder.add(start, _integer(k * VECTOR)) for k in range(_VECTORS)]


def _number_vector(builder: Any, number: Any) -> Any:
    return _broadcast(builder, builder.sitofp(number, _FLOAT))


@intrinsic
def keep_larger(
    typing_context: Any, best: Any, at: Any, winners: Any, winner_at: Any, inputs: Any, in_at: Any,
    number: Any,
) -> Any:  # fmt: skip
    """Where ``inputs[in_at + lane]`` exceeds ``best[at + lane]``, take it and note ``number``."""
    i = types.intp
    signature = types.void(best, i, winners, i, inputs, i, i)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args
        to, note, source = (_pointer(context, builder, kinds[n], values[n]) for n in (0, 2, 4))
        mine = _number_vector(builder, values[6])
        places = zip(
            _places(builder, values[1]),
            _places(builder, values[3]),
            _places(builder, values[5]),
            strict=True,
        )
        for place, note_place, in_place in places:
            new, old = _load(builder, source, in_place), _load(builder, to, place)
            larger = builder.fcmp_ordered(">", new, old)
            _store(builder, builder.select(larger, new, old), to, place)
            noted = builder.select(larger, mine, _load(builder, note, note_place))
            _store(builder, noted, note, note_place)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def send_to_winner(
    typing_context: Any, out: Any, at: Any, errors: Any, error_at: Any, winners: Any,
    winner_at: Any, number: Any,
) -> Any:  # fmt: skip
    """Set ``out[at + lane]`` to the error where ``winners`` holds ``number``, to zero elsewhere."""
    i = types.intp
    signature = types.void(out, i, errors, i, winners, i, i)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = signature.args
        to, source, note = (_pointer(context, builder, kinds[n], values[n]) for n in (0, 2, 4))
        mine = _number_vector(builder, values[6])
        zero = ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)
        places = zip(
            _places(builder, values[1]),
            _places(builder, values[3]),
            _places(builder, values[5]),
            strict=True,
        )
        for place, error_place, note_place in places:
            won = builder.fcmp_ordered("==", _load(builder, note, note_place), mine)
            error = _load(builder, source, error_place)
            _store(builder, builder.select(won, error, zero), to, place)
        return context.get_dummy_value()

    return signature, generate
