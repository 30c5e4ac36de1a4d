"""The information plane of Tishby's problem, with three activations and all estimators.

``python recipes/plane.py [FOLDER] [SEEDS]`` (records/plane, 50) trains 12-10-7-5-4-3-2 for 8,000
epochs from each seed: with tanh, ReLU and no activation, as it is and with activations of 8 and 4
bits. Each training is a row of FOLDER/plane.sqlite, so that a run that was killed goes on. At the
end it prints the tables of verdicts, writes the rows to FOLDER/measurements.parquet, and draws each
plane to FOLDER. Ten seeds of everything come first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import minbits
from minbits.jobs.plane import PlaneReport
from minbits.ledger.store import read_ledger
from minbits.ledger.table_files import write_table
from minbits.studies.plane import MEASURES
from minbits.studies.plane_statistics import MeasureVerdict

EPOCHS = 8_000
FIRST_SEEDS = 10
WORKERS = 2
ACTIVATIONS = ("tanh", "relu", "linear")
RUNS = (("kde", 8), ("exact", 8), ("exact", 4))


def measured(folder: Path, activation: str, run: tuple[str, int], seeds: int) -> PlaneReport:
    estimator, bits = run
    name = f"{activation}-{estimator}" + (f"-{bits}" if estimator == "exact" else "")
    pictures = {} if estimator == "exact" else {"bins_out": folder / f"{name}-bins.png"}
    return minbits.plane(
        "tishby", activation=activation, estimator=estimator, bits=bits, seeds=seeds, epochs=EPOCHS,
        workers=WORKERS, ledger=folder / "plane.sqlite", out=folder / f"{name}.png", **pictures,
    )  # fmt: skip


def line(report: PlaneReport, measure: MeasureVerdict) -> str:
    name = measure.measure
    if name == "exact":
        name = f"exact, {report.request.bits} bits"
    falls = " ".join(
        f"{item.fall_bits.value:5.2f} [{item.fall_bits.low:.2f}, {item.fall_bits.high:.2f}]"
        for item in measure.layers
    )
    return f"{report.request.activation:7} {name:13} {measure.verdict:5} {falls}"


def cell(reports: list[PlaneReport], activation: str, measure: str, bits: int) -> str:
    """Return the verdict, and the hidden layer that falls most, with its interval."""
    for report in reports:
        is_exact = report.request.estimator == "exact"
        if report.request.activation != activation or is_exact != (measure == "exact"):
            continue
        if is_exact and report.request.bits != bits:
            continue
        found = next(item for item in report.measures if item.measure == measure)
        most = max(found.layers[:-1], key=lambda item: item.fall_bits.value)
        fall = most.fall_bits
        return (
            f"**{found.verdict}**: layer {most.layer}, {fall.value:.2f} "
            f"({fall.low:.2f} to {fall.high:.2f})"
        )
    return ""


def print_grid(reports: list[PlaneReport]) -> None:
    print("\n| measure | " + " | ".join(ACTIVATIONS) + " |")
    print("|---" * (len(ACTIVATIONS) + 1) + "|")
    columns = [(name, 0) for name in MEASURES["kde"]] + [("exact", 8), ("exact", 4)]
    for measure, bits in columns:
        name = f"exact, {bits} bits" if bits else measure
        cells = " | ".join(cell(reports, one, measure, bits) for one in ACTIVATIONS)
        print(f"| {name} | {cells} |")


def main() -> None:
    """Train, and print what is known."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "records/plane")
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    folder.mkdir(parents=True, exist_ok=True)
    reports: list[PlaneReport] = []
    for seeds in sorted({min(FIRST_SEEDS, wanted), wanted}):
        reports = []
        for run in RUNS:
            for activation in ACTIVATIONS:
                report = measured(folder, activation, run, seeds)
                reports.append(report)
                seconds = sum(result["processor_seconds"] for result in report.results)
                print(
                    f"{activation}, {run[0]} {run[1]}: {report.done} of {seeds} trainings, "
                    f"{report.failed} diverged, test accuracy {report.test_accuracy:.4f}, "
                    f"{seconds / max(len(report.results), 1):.1f} s of processor time each",
                    flush=True,
                )
    print("fall of I(X;T) in bits, by layer (the last one is the output), and its 99 % interval")
    for report in reports:
        for measure in report.measures:
            print(line(report, measure))
            for what, excess in (
                ("above the limit of the bottleneck", measure.highest_label_excess_bits),
                ("of a layer above that of the layer before", measure.processing_excess_bits),
            ):
                if excess > 1e-4:
                    print(f"        most {what}: {excess:.4f} bits")
    print_grid(reports)
    with read_ledger(folder / "plane.sqlite") as ledger:
        rows = write_table(ledger, "measurements", folder / "measurements.parquet")
    print(f"\n{rows} rows")


if __name__ == "__main__":
    main()
