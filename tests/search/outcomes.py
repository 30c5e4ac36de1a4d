"""Outcomes of trials that never ran, for strategies to learn from."""

from __future__ import annotations

from minbits.files import sha256_hex
from minbits.search.strategy import Proposal
from minbits.types import TrainingRecipe, TrialConfig, TrialOutcome, TrialStatus

RECIPE = TrainingRecipe(float_epochs=10, quantized_epochs=20)


def outcome(
    candidate: str,
    size_bits: int,
    correct: int,
    seed: int = 0,
    **changes: object,
) -> TrialOutcome:
    """Return a trial that got ``correct`` of 1,000 validation examples right."""
    text = "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; avgpool all; linear 2"
    usual = {
        "config": TrialConfig(text, RECIPE, seed),
        "seconds": 2.0,
        "validation_correct": correct,
        "validation_examples": 1000,
        "size_bits": size_bits,
        "sha256": sha256_hex(f"{candidate} {size_bits} {correct} {seed}".encode()),
    }
    return TrialOutcome(candidate=candidate, status="done", **{**usual, **changes})  # type: ignore[arg-type]


def without_file(candidate: str, status: TrialStatus, **changes: object) -> TrialOutcome:
    """Return a trial that gave no file."""
    config = TrialConfig("linear 2", RECIPE, 0)
    return TrialOutcome(config, status, candidate=candidate, **{"seconds": 1.0, **changes})  # type: ignore[arg-type]


def answer(proposal: Proposal, size_bits: int, correct: int, seed: int = 0) -> TrialOutcome:
    """Return how a proposal ended."""
    candidate, start = proposal.candidate, proposal.start
    config = TrialConfig(
        candidate.architecture,
        candidate.recipe,
        seed,
        parent=None if start is None else start.sha256,
        move=None if start is None else start.move,
    )
    return outcome(candidate.key, size_bits, correct, seed, config=config)
