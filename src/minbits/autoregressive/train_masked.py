"""Training of one masked network within a given time; the best state on validation is kept."""

from __future__ import annotations

import copy
import math
import time

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from minbits.autoregressive.masked_network import MaskedNetwork
from minbits.autoregressive.member import MemberJob, MemberResult
from minbits.autoregressive.stored_weights import store_weights
from minbits.information.models.counting import smoothed_marginals

_WIDTH = 256
_DEPTH = 2
_DROPOUT = 0.3
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 0.01
_BATCH = 128
_MAX_EPOCHS = 200
_PATIENCE_EPOCHS = 12
_CODED = 4096


def _chances(network: MaskedNetwork, symbols: Tensor) -> npt.NDArray[np.float32]:
    network.eval()
    with torch.no_grad():
        parts = [
            torch.exp(-network(chunk).double()).float() for chunk in torch.split(symbols, _CODED)
        ]
    network.train()
    result: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return result


def train_masked(job: MemberJob) -> MemberResult:
    """Train until validation stops improving or time is up, and code the held-out examples."""
    started, cpu_started, clock_started = time.monotonic(), time.process_time(), job.now()
    torch.manual_seed(job.seed)
    train, validation, test = (
        torch.from_numpy(part.astype(np.int64)) for part in (job.train, job.validation, job.test)
    )
    network = MaskedNetwork(job.sizes, _WIDTH, _DEPTH, _DROPOUT)
    network.start_from(smoothed_marginals(job.train.astype(np.int32), job.sizes))
    optimizer = torch.optim.AdamW(network.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    best = (math.inf, copy.deepcopy(network.state_dict()), 0)
    steps, epoch = 0, 0
    for epoch in range(1, _MAX_EPOCHS + 1):
        for rows in torch.split(torch.randperm(len(train)), _BATCH):
            loss = network(train[rows]).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            if job.now() - clock_started > 0.85 * job.seconds:
                break
        nats = float(-np.log(_chances(network, validation)).sum(axis=1).mean())
        if nats < best[0]:
            best = (nats, copy.deepcopy(network.state_dict()), epoch)
        late = job.now() - clock_started > 0.8 * job.seconds
        if late or epoch - best[2] >= _PATIENCE_EPOCHS:
            break
    network.load_state_dict(best[1])
    parameter_bits = store_weights(network)
    return MemberResult(
        validation_chances=_chances(network, validation),
        test_chances=_chances(network, test),
        train_chances=_chances(network, train[:_CODED]),
        parameter_bits=parameter_bits,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        steps=steps,
        epochs=float(best[2]),
        seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - cpu_started,
        settings=f"{_DEPTH} masked hidden layers of {_WIDTH}, dropout {_DROPOUT:g}, the best state "
        "on validation",
    )
