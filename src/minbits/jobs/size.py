"""The main job: the smallest network file that reaches an accuracy."""

from __future__ import annotations

from minbits.claims.claiming import Claimant, Scope
from minbits.claims.publishing import Publisher, trial_of
from minbits.claims.replacing import check_replaceable
from minbits.data.encoding import encoding_bits
from minbits.information.entropy_table import entropy_table
from minbits.jobs.kept_figures import keep_counts
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_plan import SizePlan, check_size_request, size_plan
from minbits.jobs.size_report import MAX_RELIABILITIES, SizeReport
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.size_search import SizeSearch, one_candidate
from minbits.ledger.location import chosen_ledger
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.store import Claim, Ledger, open_ledger
from minbits.search.device import device_name
from minbits.search.driver import SearchEvents
from minbits.types import DataSet


class _SizeJob:
    def __init__(
        self, data: DataSet, request: SizePlan, ledger: Ledger, events: SearchEvents
    ) -> None:
        self.data = data
        self.request = request
        self.ledger = ledger
        self.events = events
        self.provenance: Provenance = current_provenance(device_name(), request.workers)
        self.candidate = one_candidate(data, request)
        self.search = SizeSearch(data, request, ledger, self.provenance, events)
        self.claimant = Claimant(
            data, self.search.goal, ledger, self.provenance,
            lambda: Scope(candidates=self.own_candidates()), events.on_stage,
        )  # fmt: skip
        self.search.on_first = self.claimant.claim_early
        self.publisher = Publisher(data, request.accuracy, ledger, request.out, force=request.force)

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

    def run(self) -> SizeReport:
        table = entropy_table(self.data)
        keep_counts(self.ledger, self.data, table, self.provenance)
        before = self.claimant.best()
        if (known := self.resumed(before)) is not None:
            self.events.on_stage(known)
        self.events.on_stage("searching")
        interrupted = self.search.run(before.verification.size_bits if before else float("inf"))
        outcome = self.claimant.claim()
        found, reliability = None, None
        if outcome.written is not None:
            self.events.on_stage("writing the file, its card and the diagram")
            candidate = trial_of(self.ledger, self.data, outcome.written.verification)["candidate"]
            reliability = self.search.reliability.of(candidate)
            found = self.publisher.publish(outcome, table, reliability)
            self.search.so_far.remove()
        best, columns, tally = outcome.best, self.data.table, self.search.tally
        return SizeReport(
            request=self.request,
            data_name=self.data.name,
            table=table,
            best=None if best is None else found,
            nearest=None if best is not None else found,
            missed=outcome.missed,
            shown=outcome.shown,
            smaller_not_taken=outcome.smaller_not_taken,
            lower_limit=outcome.lower_limit,
            improved=best is not None and (before is None or best.claim_id != before.claim_id),
            trials=tally.trials,
            failed=tally.failed,
            stopped=tally.stopped,
            reached=tally.reached,
            best_validation=tally.best_validation,
            claim_count=outcome.looks,
            interrupted=interrupted,
            reliability=self.search.reliability.surviving(MAX_RELIABILITIES),
            best_reliability=reliability if best is not None else None,
            outputs=self.publisher.outputs,
            table_encoding_bits=None if columns is None else encoding_bits(columns.columns),
        )


def size_job(
    data: DataSet,
    request: SizeRequest,
    events: SearchEvents | None = None,
    origin: Origin | None = None,
) -> SizeReport:
    """Search for the smallest network, verify it, remember everything and draw the diagram.

    Every trial is in the ledger before the next one starts. An interrupt from the keyboard ends
    the search early; what was found by then is verified and written all the same.

    Args:
        data: the data set.
        request: what is asked.
        events: what the job tells while it works.
        origin: where the data were read.

    Raises:
        ArgumentError: if an argument is out of its range.
        OutputError: if an output cannot be written, or something else is in its place.
        LedgerError: if the ledger cannot be used.
    """
    events, origin = events or SearchEvents(), origin or Origin()
    check_size_request(request, origin)
    # Before seconds go into finding the target: a ledger that cannot be used is said at once.
    with open_ledger(chosen_ledger(request.ledger)) as ledger:
        if request.accuracy is None:
            events.on_stage("choosing the target by simple classifiers on training examples")
        plan = size_plan(data, request, origin)
        if plan.accuracy_reason:
            events.on_stage(f"target: {100 * plan.accuracy:g} %, {plan.accuracy_reason}")
        check_replaceable([plan.out], data, plan.accuracy, ledger, force=plan.force)
        return _SizeJob(data, plan, ledger, events).run()
