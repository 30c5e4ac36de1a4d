"""Members of an ensemble in fresh processes of one thread each; the caller needs no PyTorch."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Literal

from minbits.autoregressive.member import MemberJob, MemberResult
from minbits.child_processes import Child
from minbits.errors import ProcessError
from minbits.workers.environment import WORKER_ENVIRONMENT

Kind = Literal["patch", "masked"]


def _train(kind: Kind, job: MemberJob) -> MemberResult:
    # Imported in the worker alone, after its environment was set: the parent needs no PyTorch.
    import torch

    torch.set_num_threads(1)
    if kind == "patch":
        from minbits.autoregressive.train_patch import train_patch

        return train_patch(job)
    from minbits.autoregressive.train_masked import train_masked

    return train_masked(job)


def _serve(connection: Connection, kind: Kind, job: MemberJob) -> None:
    """Train one member, and send the result or what went wrong."""
    try:
        answer: MemberResult | str = _train(kind, job)
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent raises it
        traceback.print_exc()
        answer = f"{type(error).__name__}: {error}"
    connection.send_bytes(pickle.dumps(answer, protocol=5))


def _result(child: Child) -> MemberResult:
    try:
        answer: MemberResult | str = pickle.loads(child.connection.recv_bytes())
    except EOFError:
        child.join(5.0)
        answer = f"the process died with exit code {child.exitcode}"
    if isinstance(answer, str):
        raise ProcessError(
            "a process that trains a network of the ladder", answer, "a trained network",
            "Free some memory, or give `minutes=0` to leave the ladder out.",
        )  # fmt: skip
    return answer


def train_members(kind: Kind, job: MemberJob, members: int) -> list[MemberResult]:
    """Train ``members`` networks that differ in their seed, at the same time, each on one core.

    Raises:
        ProcessError: if one of them cannot be trained.
    """
    children: list[Child] = []
    try:
        for index in range(members):
            own = replace(job, seed=job.seed + index)
            children.append(Child(_serve, kind, own, environment=WORKER_ENVIRONMENT))
        return [_result(child) for child in children]
    finally:
        for child in children:
            child.end(0.0)
