"""The main job: the smallest network file that reaches an accuracy."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.codec.file_format import decode_network
from minbits.data.encoding import encoding_bits
from minbits.errors import OutputError
from minbits.files import sha256_hex, write_atomically
from minbits.information.ladder import EntropyTable, entropy_table
from minbits.ledger.artifacts import problem_of
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.store import Claim, Ledger, TrialEntry, open_ledger
from minbits.networks.zoo import zoo_entry
from minbits.pipeline.card import CardFacts, TrialSpread, card
from minbits.pipeline.selection import Validated, choose_claim
from minbits.pipeline.size_report import SizeReport
from minbits.pipeline.size_request import SizeRequest, check_request
from minbits.pipeline.verification import verify_file
from minbits.records import DataSet, Progress, TrialResult, Verification, trial_config
from minbits.search.device import device_name
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.executors.registry import open_executor
from minbits.search.policy import LadderStrategy
from minbits.search.space import Candidate, ladder, own_candidate, start_rung, zoo_candidate
from minbits.search.strategy import Outcome, reaches
from minbits.views.diagram import diagram_data, draw_diagram


@dataclass(frozen=True)
class SizeEvents:
    """What the main job tells while it works."""

    on_stage: Callable[[str], None] = lambda text: None
    on_result: Callable[[int, Candidate, TrialResult], None] = lambda number, candidate, result: (
        None
    )
    on_progress: Callable[[Progress], None] = lambda progress: None


def _candidates(data: DataSet, request: SizeRequest) -> tuple[Candidate, ...]:
    if request.network is not None:
        return (zoo_candidate(request.network, zoo_entry(request.network)),)
    if request.architecture is not None:
        return (own_candidate(request.architecture, request.rate_weight, data),)
    return ladder(data)


def past_outcome(row: dict[str, Any]) -> Outcome:
    """Return what a row of the ledger's trials says."""
    return Outcome(
        candidate=row["candidate"],
        config=trial_config(json.loads(row["config"])),
        status=row["status"],
        seconds=row["seconds"],
        correct=row["validation_correct"],
        examples=row["validation_examples"],
        size_bits=row["size_bits"],
        sha256=row["artifact_sha256"],
        is_past=True,
    )


@dataclass
class _Tally:
    """What the trials of this run came to, without keeping them."""

    trials: int = 0
    failed: int = 0
    reached: int = 0
    best_validation: float | None = None

    def count(self, result: TrialResult, target: float) -> None:
        self.trials += 1
        self.failed += result.status == "failed"
        correct, examples = result.validation_correct, result.validation_examples
        if correct is None or not examples:
            return
        self.reached += reaches(correct, examples, target)
        self.best_validation = max(self.best_validation or 0.0, correct / examples)


class _SizeJob:
    def __init__(
        self, data: DataSet, request: SizeRequest, ledger: Ledger, events: SizeEvents
    ) -> None:
        self.data = data
        self.request = request
        self.ledger = ledger
        self.events = events
        self.provenance: Provenance = current_provenance(device_name(), request.workers)
        self.ladder = _candidates(data, request)
        self.is_ladder = request.network is None and request.architecture is None
        self.tally = _Tally()
        self.outputs: dict[str, str] = {}

    def past_trials(self) -> list[Outcome]:
        return [past_outcome(row) for row in self.ledger.trial_outcomes(self.data.digest)]

    def remember(self, finished: Sequence[Finished]) -> None:
        numbers = self.ledger.append_trials(
            [
                TrialEntry(
                    self.data, self.request.accuracy, item.proposal.candidate.key, item.result,
                    self.provenance,
                )
                for item in finished
            ]
        )  # fmt: skip
        for number, item in zip(numbers, finished, strict=True):
            self.tally.count(item.result, self.request.accuracy)
            self.events.on_result(number, item.proposal.candidate, item.result)

    def search(self) -> bool:
        """Search, and return whether it was interrupted."""
        request = self.request
        seconds = request.minutes * 60
        settings = SearchSettings(
            seconds=seconds,
            trials=request.trials,
            seed=request.seed,
            workers=request.workers,
            engine=request.engine,
        )
        start = start_rung(self.data, request.accuracy) if self.is_ladder else 0
        strategy = LadderStrategy(self.ladder, start, request.accuracy, seconds)
        events = SearchEvents(self.remember, self.events.on_progress)
        past = self.past_trials()
        executor = open_executor(
            request.executor, request.workers, self.data, request.worker_memory_bytes
        )
        try:
            run_search(self.data, strategy, settings, past, events, executor)
        except KeyboardInterrupt:
            return True
        finally:
            executor.shutdown(cancel_futures=True)
        return False

    def best(self) -> Claim | None:
        """Return the best claim so far; of one network alone where one was asked for."""
        return self.ledger.best_claim(
            self.data.digest, self.request.accuracy, candidates=self.own_candidates()
        )

    def own_candidates(self) -> list[str] | None:
        """Return the keys of the one network that was asked for; None stands for all."""
        return None if self.is_ladder else [candidate.key for candidate in self.ladder]

    def resumed(self, best: Claim | None) -> str | None:
        """Return what the ledger knows already, in words; None where that is nothing."""
        count = self.ledger.trial_count(self.data.digest)
        if not count:
            return None
        known = "no file that reaches the target yet"
        if best is not None:
            found = best.verification
            known = f"best {found.size_bits:,} bits at {100 * found.test_accuracy:.2f} %"
        return f"resumed: {count:,} trial{'s' * (count > 1)} on {self.data.name}, {known}"

    def choose(self, smaller_than_bits: float) -> Validated | None:
        """Return the file to claim, a whole one, or None."""
        files = self.ledger.files_to_claim(
            self.data.digest, self.request.accuracy, smaller_than_bits, self.own_candidates()
        )
        validated = [
            Validated(file.sha256, file.size_bits, file.correct, file.examples) for file in files
        ]
        while True:
            chosen = choose_claim(validated, self.request.accuracy, smaller_than_bits)
            if chosen is None:
                return None
            problem = problem_of(self.ledger.artifacts, chosen.sha256)
            if problem is None:
                return chosen
            self.events.on_stage(
                f"passing over a file of {chosen.size_bits:,} bits in the ledger: {problem}"
            )
            validated = [item for item in validated if item.sha256 != chosen.sha256]

    def claim(self) -> Verification | None:
        """Put at most one file to the test and record the outcome, good or bad."""
        best = self.best()
        chosen = self.choose(best.verification.size_bits if best else float("inf"))
        if chosen is None:
            return None
        self.events.on_stage("verifying in a fresh process, with NumPy alone")
        verification = verify_file(self.ledger.artifacts.path(chosen.sha256), self.data)
        self.ledger.append_claim(self.data, self.request.accuracy, verification, self.provenance)
        return verification

    def write_outputs(self, best: Claim, table: EntropyTable) -> Verification:
        """Write the best file with its card and diagram, and return what is known of it."""
        out = self.request.out
        found = best.verification
        content = Path(found.path).read_bytes()
        self.write("network", out, content)
        if sha256_hex(out.read_bytes()) != found.sha256:
            raise OutputError(
                str(out), "other bytes than the verified ones", found.sha256, "Check the disk."
            )
        found = dataclasses.replace(found, path=str(out))
        facts = CardFacts(
            data=self.data,
            accuracy=self.request.accuracy,
            verification=found,
            trial=self.trial_of(best),
            spread=self.spread_of(best),
            claim_count=self.ledger.claim_count(self.data.digest),
            views=decode_network(content).architecture.views,
        )
        text = json.dumps(card(facts), indent=2) + "\n"
        self.write("card", out.with_suffix(".json"), text.encode())
        numbers = diagram_data(table, self.request.accuracy, found.size_bits)
        for kind, picture in draw_diagram(numbers).items():
            self.write(f"diagram {kind}", out.with_suffix(f".{kind}"), picture)
        return found

    def write(self, role: str, path: Path, content: bytes) -> None:
        write_atomically(path, content)
        self.outputs[role] = str(path)

    def trial_of(self, best: Claim) -> dict[str, Any]:
        row = self.ledger.trial_of_file(self.data.digest, best.verification.sha256)
        assert row is not None
        return row

    def spread_of(self, best: Claim) -> TrialSpread:
        candidate = self.trial_of(best)["candidate"]
        rows = [
            row
            for row in self.ledger.trials_of(self.data.digest, candidate)
            if row["status"] != "interrupted"
        ]
        done = [row for row in rows if row["validation_correct"] is not None]
        return TrialSpread(
            tries=len(rows),
            successes=sum(
                reaches(
                    row["validation_correct"], row["validation_examples"], self.request.accuracy
                )
                for row in done
            ),
            seeds=tuple(row["seed"] for row in rows),
            validation_accuracies=tuple(
                row["validation_correct"] / row["validation_examples"] for row in done
            ),
            sizes_bits=tuple(row["size_bits"] for row in done),
        )

    def is_reached(self, verification: Verification) -> bool:
        return reaches(verification.correct, verification.n_test, self.request.accuracy)

    def run(self) -> SizeReport:
        table = entropy_table(self.data)
        before = self.best()
        if (known := self.resumed(before)) is not None:
            self.events.on_stage(known)
        self.events.on_stage("searching")
        interrupted = self.search()
        claimed = self.claim()
        missed = claimed if claimed and not self.is_reached(claimed) else None
        best = self.best()
        found = None
        if best is not None:
            self.events.on_stage("writing the file, its card and the diagram")
            found = self.write_outputs(best, table)
        columns = self.data.table
        return SizeReport(
            request=self.request,
            data_name=self.data.name,
            table=table,
            best=found,
            missed=missed,
            improved=best is not None and (before is None or best.claim_id != before.claim_id),
            trials=self.tally.trials,
            failed=self.tally.failed,
            reached=self.tally.reached,
            best_validation=self.tally.best_validation,
            claim_count=self.ledger.claim_count(self.data.digest),
            interrupted=interrupted,
            outputs=self.outputs,
            table_encoding_bits=None if columns is None else encoding_bits(columns.columns),
        )


def size_job(data: DataSet, request: SizeRequest, events: SizeEvents) -> SizeReport:
    """Search for the smallest network, verify it, remember everything and draw the diagram.

    Every trial is in the ledger before the next one starts. An interrupt from the keyboard ends
    the search early; what was found by then is verified and written all the same.

    Raises:
        ArgumentError: if an argument is out of its range.
        OutputError: if an output cannot be written.
        LedgerError: if the ledger cannot be used.
    """
    check_request(request)
    ledger = open_ledger(request.ledger)
    try:
        return _SizeJob(data, request, ledger, events).run()
    finally:
        ledger.close()
