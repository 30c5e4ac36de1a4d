"""The engine for tiny networks on one CPU core; docs/engine.md says how it works."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import (
    Architecture,
    class_count,
    run_order,
)
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.training.engine import ObjectiveSettings
from minbits.training.lanes.batches import batch_gradients, batch_logits
from minbits.training.lanes.plan import Plan, make_plan, obstacle_to
from minbits.training.lanes.steps import Networks, Steps, take_steps
from minbits.training.lanes.vector_code import LANES
from minbits.training.loop import Draw, TrainingData
from minbits.training.seen import seen_batch, seen_inputs
from minbits.types import EngineName

Float = npt.NDArray[np.float32]

_NO_SOFT = np.zeros((0, 0), np.float32)
_NO_MAPS = np.zeros((0, 2, 3), np.float32)
_NO_FIELDS = np.zeros((0, 2, 0, 0), np.float32)


class _Batch(NamedTuple):
    """What compiled code reads of examples; each network has its own ``chosen`` of them."""

    inputs: Float
    labels: npt.NDArray[np.int64]
    soft: Float
    chosen: npt.NDArray[np.int64]
    maps: Float
    fields: Float


class LanesObjectives:
    """The losses of several networks of one layout, each with parameters and batches of its own.

    They take turns in the same buffers, so that each is computed as if it were alone.
    """

    def __init__(
        self,
        layout: ParameterLayout,
        data: TrainingData,
        settings: ObjectiveSettings,
        networks: int,
    ) -> None:
        self._plan = make_plan(layout, settings.batch_size // LANES)
        self._data, self._settings = data, settings
        self._front_end = layout.architecture.front_end
        self._inputs = np.ascontiguousarray(data.inputs)
        self._soft = _NO_SOFT
        if data.soft_targets is not None and settings.soft_target_weight:
            self._soft = data.soft_targets
        moments = (networks, layout.moments_size)
        self.means, self.variances = np.zeros(moments, np.float32), np.ones(moments, np.float32)
        self.losses = np.zeros(networks)

    def losses_and_gradients(
        self, values: Float, indices: npt.NDArray[np.int64], maps: Float, fields: Float,
        gradients: Float,
    ) -> None:  # fmt: skip
        """Write `losses`, gradients, `means` and `variances` of a batch of each network.

        Args:
            values: ``(networks, parameters)``.
            indices: examples, ``(networks, batch)``.
            maps: ``(networks, batch, 2, 3)``, or of size 0.
            fields: ``(networks, batch, 2, knot, knot)``, or of size 0.
            gradients: of the shape of ``values``.
        """
        found = self._seen(
            _Batch(self._inputs, self._data.labels, self._soft, indices, maps, fields)
        )
        batch_gradients(
            self._plan, values, gradients, self.means, self.variances, self.losses,
            found.inputs, found.labels, found.chosen, found.maps, found.fields,
            self._settings.label_smoothing, found.soft, self._settings.soft_target_weight,
        )  # fmt: skip

    def _seen(self, given: _Batch) -> _Batch:
        """Return examples as the first layer sees them, in the order in which they are chosen."""
        if self._front_end is None:
            return given
        networks, count = given.chosen.shape
        chosen = given.chosen.ravel()
        maps = given.maps.reshape(-1, 2, 3) if given.maps.size else _NO_MAPS
        fields = (
            given.fields.reshape(-1, *given.fields.shape[2:]) if given.fields.size else _NO_FIELDS
        )
        seen = seen_batch(self._front_end, given.inputs, chosen, maps, fields)
        places = np.arange(networks * count).reshape(networks, count)
        soft = given.soft[chosen] if given.soft.size else given.soft
        return _Batch(
            seen, given.labels[chosen], soft, places, given.maps[:, :0], given.fields[:, :0]
        )

    def take_steps(
        self, networks: Networks, steps: Steps, indices: npt.NDArray[np.int64], start: int,
        maps: Float, fields: Float,
    ) -> None:  # fmt: skip
        """Train every network for some steps, in place.

        Args:
            networks: parameters and moments.
            steps: how many, and how.
            indices: examples of the epoch, ``(networks, examples)``.
            start: place of the first batch in the epoch.
            maps: ``(networks, examples, 2, 3)``, or of size 0.
            fields: ``(networks, examples, 2, knot, knot)``, or of size 0.
        """
        if self._front_end is not None:
            part = slice(start, start + len(steps.rates) * self._settings.batch_size)
            indices, maps, fields = indices[:, part], maps[:, part], fields[:, part]
            start = 0
        found = self._seen(
            _Batch(self._inputs, self._data.labels, self._soft, indices, maps, fields)
        )
        take_steps(
            self._plan, networks, steps, found.inputs, found.labels, found.chosen, start,
            self._settings.batch_size, found.maps, found.fields, self._settings.label_smoothing,
            found.soft, self._settings.soft_target_weight,
        )  # fmt: skip


class LanesObjective:
    """The loss of a network, laid out for lanes."""

    def __init__(
        self, layout: ParameterLayout, data: TrainingData, settings: ObjectiveSettings
    ) -> None:
        self._one = LanesObjectives(layout, data, settings, 1)
        self.means, self.variances = self._one.means[0], self._one.variances[0]

    def loss_and_gradient(self, values: Float, draw: Draw, gradient: Float) -> float:
        """Return the mean cross-entropy of a batch in nats and overwrite ``gradient``."""
        maps, fields = draw.distortions.maps, draw.distortions.fields
        self._one.losses_and_gradients(
            values[None], draw.indices[None], maps[None], fields[None], gradient[None]
        )
        return float(self._one.losses[0])


class LanesEngine:
    """Tiny networks on one CPU core."""

    name: EngineName = "lanes"

    def __init__(self) -> None:
        self._plans: dict[Architecture, Plan] = {}

    def objective(
        self, layout: ParameterLayout, data: TrainingData, settings: ObjectiveSettings
    ) -> LanesObjective:
        """Return the training loss of a network on some examples.

        Raises:
            NetworkError: if lanes do not cover a layer.
        """
        return LanesObjective(layout, data, settings)

    def logits(self, architecture: Architecture, values: Float, inputs: Float) -> Float:
        """Return logits ``(examples, classes)`` of a network with plain parameters."""
        plan = self._plans.get(architecture)
        if plan is None:
            plan = make_plan(parameter_layout(architecture, normalised=False), 1)
            self._plans = {architecture: plan}
        result = np.empty((len(inputs), class_count(architecture)), np.float32)
        inputs = seen_inputs(architecture.front_end, inputs)
        batch_logits(plan, values, inputs, result)
        return result


def lanes_obstacle(architecture: Architecture, batch_size: int, dropout: float) -> str | None:
    """Return why the lanes engine does not cover a training, None if it does."""
    if dropout:
        return "dropout"
    if batch_size % LANES or not batch_size:
        return f"batches of {batch_size}, no multiple of {LANES}"
    for step in run_order(architecture):
        obstacle = obstacle_to(step)
        if obstacle:
            return obstacle
    return None
