"""The main job: the smallest network file that reaches an accuracy."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minbits.codec.file_format import decode_network
from minbits.data.encoding import encoding_bits
from minbits.errors import OutputError
from minbits.files import sha256_hex, write_atomically
from minbits.information.ladder import EntropyTable, entropy_table
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.store import Claim, Ledger, open_ledger
from minbits.pipeline.card import CardFacts, TrialSpread, card
from minbits.pipeline.selection import (
    SECOND_CLAIM_MARGIN,
    Validated,
    choose_claim,
    choose_second_claim,
    safe_files,
)
from minbits.pipeline.size_report import MOST_RELIABILITIES, SizeReport
from minbits.pipeline.size_request import SizeRequest, check_request
from minbits.pipeline.size_search import SizeEvents, SizeSearch, one_candidate
from minbits.pipeline.verification import verify_file
from minbits.records import DataSet, Verification
from minbits.search.device import device_name
from minbits.search.strategy import reaches
from minbits.views.diagram import diagram_data, draw_diagram


class _SizeJob:
    def __init__(
        self, data: DataSet, request: SizeRequest, ledger: Ledger, events: SizeEvents
    ) -> None:
        self.data = data
        self.request = request
        self.ledger = ledger
        self.events = events
        self.provenance: Provenance = current_provenance(device_name(), request.workers)
        self.candidate = one_candidate(data, request)
        self.search = SizeSearch(data, request, ledger, self.provenance, events)
        self.outputs: dict[str, str] = {}
        self.training_accuracies: dict[str, float | None] = {}

    def best(self) -> Claim | None:
        """Return the best claim so far; of one network alone where one was asked for."""
        return self.ledger.best_claim(
            self.data.digest, self.request.accuracy, candidates=self.own_candidates()
        )

    def own_candidates(self) -> list[str] | None:
        """Return the keys of what may be claimed; None stands for all.

        That is the one network that was asked for, or those that are shown to be reliable.
        """
        reliable = self.request.reliability > 0
        shown = self.search.reliability.shown(self.request.reliability) if reliable else None
        if self.candidate is None:
            return None if shown is None else sorted(shown)
        own = [self.candidate.key]
        return own if shown is None else [key for key in own if key in shown]

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

    def files_to_claim(self, smaller_than_bits: float) -> list[Validated]:
        """Return the files that passed validation and were never put to the test."""
        files = self.ledger.files_to_claim(
            self.data.digest, self.request.accuracy, smaller_than_bits, self.own_candidates()
        )
        return [
            Validated(file.sha256, file.size_bits, file.correct, file.examples) for file in files
        ]

    def choose(self, smaller_than_bits: float) -> Validated | None:
        """Return the file to claim first, a whole one, or None."""
        validated = self.files_to_claim(smaller_than_bits)
        while True:
            chosen = choose_claim(validated, self.request.accuracy, smaller_than_bits)
            if chosen is None or self.is_believed(self.judged(chosen)):
                return chosen
            validated = [item for item in validated if item.sha256 != chosen.sha256]

    def choose_second(self, smaller_than_bits: float) -> Validated | None:
        """Return the file to claim after one that missed, a whole one, or None."""
        needed = self.search.goal.training_accuracy_needed(SECOND_CLAIM_MARGIN)
        believed: list[Validated] = []
        # Judging takes up to a second a file, and a ledger may have thousands.
        for item in safe_files(self.files_to_claim(smaller_than_bits), self.request.accuracy):
            judged = self.judged(item)
            if self.is_believed(judged):
                believed.append(judged)
                if (judged.training_accuracy or 0.0) >= needed:
                    break
        return choose_second_claim(believed, self.request.accuracy, smaller_than_bits, needed)

    def judged(self, item: Validated) -> Validated:
        """Return a file with what it gets right of the examples that it was trained on.

        That is found out once, and the user told once where the file is passed over.
        """
        known = self.training_accuracies
        is_new = item.sha256 not in known
        if is_new:
            known[item.sha256] = self.search.training_accuracy_of(item.sha256)
        judged = dataclasses.replace(item, training_accuracy=known[item.sha256])
        problem = self.problem_of(judged)
        if is_new and problem is not None:
            self.events.on_stage(f"passing over a file of {item.size_bits:,} bits: {problem}")
        return judged

    def is_believed(self, judged: Validated) -> bool:
        """Whether a judged file is whole and did not pass validation by luck, as it seems."""
        return self.problem_of(judged) is None

    def problem_of(self, judged: Validated) -> str | None:
        """Return why a judged file is not believed, or None where it is."""
        found, needed = judged.training_accuracy, self.search.goal.training_accuracy_needed()
        if found is None:
            return "it is damaged, see `minbits ledger verify`"
        if found >= needed - 1e-9:
            return None
        return (
            f"it passed validation by luck: {100 * found:.2f} % of the examples that it was "
            f"trained on, where {100 * needed:.2f} % is needed"
        )

    def claim(self) -> Verification | None:
        """Put a file to the test, and a second one if it misses; return the last that missed."""
        missed: Verification | None = None
        for choose in (self.choose, self.choose_second):
            claimed = self.claim_once(choose)
            if claimed is None or self.is_reached(claimed):
                break
            missed = claimed
        return missed

    def claim_once(self, choose: Callable[[float], Validated | None]) -> Verification | None:
        """Put at most one file to the test and record the outcome, good or bad."""
        best = self.best()
        chosen = choose(best.verification.size_bits if best else float("inf"))
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
            reliability=self.search.reliability.of(self.trial_of(best)["candidate"]),
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
        interrupted = self.search.run(before.verification.size_bits if before else float("inf"))
        missed = self.claim()
        best = self.best()
        found = None
        if best is not None:
            self.events.on_stage("writing the file, its card and the diagram")
            found = self.write_outputs(best, table)
            self.search.so_far.remove()
        elif self.search.so_far.is_written:
            self.outputs["best on validation"] = str(self.search.so_far.path)
        columns = self.data.table
        return SizeReport(
            request=self.request,
            data_name=self.data.name,
            table=table,
            best=found,
            missed=missed,
            improved=best is not None and (before is None or best.claim_id != before.claim_id),
            trials=self.search.tally.trials,
            failed=self.search.tally.failed,
            stopped=self.search.tally.stopped,
            reached=self.search.tally.reached,
            best_validation=self.search.tally.best_validation,
            claim_count=self.ledger.claim_count(self.data.digest),
            interrupted=interrupted,
            reliability=self.search.reliability.surviving(MOST_RELIABILITIES),
            best_reliability=None
            if best is None
            else self.search.reliability.of(self.trial_of(best)["candidate"]),
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
