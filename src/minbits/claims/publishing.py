"""What a job leaves of a claimed file: the file itself, its companion, its card, the diagram."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from minbits.charts.diagram import diagram_data, draw_diagram
from minbits.charts.published import published_networks
from minbits.claims.card import CardFacts, card
from minbits.claims.claiming import ClaimOutcome
from minbits.claims.known_codes import shortest_label_code
from minbits.claims.outputs import PICTURE_KINDS
from minbits.claims.replacing import stays
from minbits.codec.file_format import decode_network
from minbits.data.companion import companion_bytes, companion_path
from minbits.errors import OutputError
from minbits.evaluation.accuracy import reaches
from minbits.evaluation.calibration import calibrated_companion
from minbits.files import sha256_hex, write_atomically
from minbits.information.baselines import baselines
from minbits.information.entropy_table import EntropyTable
from minbits.ledger.rows import Row
from minbits.ledger.store import Claim, Ledger
from minbits.search.reliability import Reliability
from minbits.studies.kept import KnownLabelCode
from minbits.types import DataSet, Verification


@dataclass
class Publisher:
    """Writes a claimed file with what belongs to it.

    Attributes:
        data: the data set.
        accuracy: that was asked for, in (0, 1].
        ledger: with the file's trial.
        out: where the network file goes; companion, card and diagram go beside it.
        rerun: how the file is made again; None takes the card's usual sentence.
        force: whether the file goes there even if a better one is in place.
        outputs: what was written, by role.
    """

    data: DataSet
    accuracy: float
    ledger: Ledger
    out: Path
    rerun: str | None = None
    force: bool = False
    outputs: dict[str, str] = field(default_factory=dict)

    def publish(
        self, outcome: ClaimOutcome, table: EntropyTable, reliability: Reliability | None
    ) -> Verification:
        """Write file, companion, card and diagram, and return what is known of the file there.

        Where a better file is in place, it stays, and the new one is known by its place in the
        ledger (`minbits.claims.outputs`).

        Raises:
            OutputError: if an output cannot be written, or reads back as other bytes.
        """
        claim, limit = outcome.written, outcome.lower_limit
        assert claim is not None
        assert limit is not None
        if stays(
            self.out, self.data, self.accuracy, claim.verification, self.ledger, force=self.force
        ):
            path = self.ledger.artifacts.path(claim.verification.sha256)
            self.outputs |= {"network": str(path), "kept": str(self.out)}
            return dataclasses.replace(claim.verification, path=str(path))
        found, content = self._network(claim)
        network = decode_network(content)
        front_end = network.architecture.front_end
        companion = calibrated_companion(network, found.sha256, self.data)
        self._write("companion", companion_path(self.out), companion_bytes(companion))
        trial = trial_of(self.ledger, self.data, found)
        label_code = shortest_label_code(self.ledger, self.data.digest)
        facts = CardFacts(
            data=self.data,
            accuracy=self.accuracy,
            verification=found,
            trial=trial,
            trials=self.ledger.trials_of(self.data.digest, trial["candidate"]),
            looks=outcome.looks,
            lower_limit=limit,
            views=network.architecture.views,
            front_end=None if front_end is None else front_end.text(),
            companion=companion,
            reliability=reliability,
            label_code=label_code,
        )
        plain = card(facts)
        if self.rerun is not None:
            plain["rerun"] = self.rerun
        self._write(
            "card", self.out.with_suffix(".json"), (json.dumps(plain, indent=2) + "\n").encode()
        )
        self._pictures(table, found, label_code)
        return found

    def _pictures(
        self, table: EntropyTable, found: Verification, label_code: KnownLabelCode | None
    ) -> None:
        is_reached = reaches(found.correct, found.n_test, self.accuracy)
        shown = self.accuracy if is_reached else found.test_accuracy
        published = published_networks(self.data.name, shown)
        usual = () if published else baselines(self.data)
        numbers = diagram_data(table, shown, found.size_bits, usual=usual, label_code=label_code)
        diagram = draw_diagram(numbers)
        for kind in PICTURE_KINDS:
            self._write(f"diagram {kind}", self.out.with_suffix(f".{kind}"), diagram.picture(kind))

    def _network(self, claim: Claim) -> tuple[Verification, bytes]:
        content = self.ledger.artifacts.read(claim.verification.sha256)
        self._write("network", self.out, content)
        found = sha256_hex(self.out.read_bytes())
        if found != claim.verification.sha256:
            raise OutputError(
                str(self.out), f"bytes with SHA-256 {found} after reading them back",
                f"{claim.verification.sha256}, as verified", "Check the disk.",
            )  # fmt: skip
        return dataclasses.replace(claim.verification, path=str(self.out)), content

    def _write(self, role: str, path: Path, content: bytes) -> None:
        write_atomically(path, content)
        self.outputs[role] = str(path)


def trial_of(ledger: Ledger, data: DataSet, found: Verification) -> Row:
    """Return the trial that gave a claimed file."""
    row = ledger.trial_of_file(data.digest, found.sha256)
    assert row is not None
    return row
