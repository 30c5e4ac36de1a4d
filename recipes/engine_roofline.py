"""Where a step of the lanes engine spends its time: the table and figure of docs/engine.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

from speed.roofline import draw_roofline, measure_roofline


def main() -> int:
    """Measure the main job's network, print a table and write the figure."""
    found = measure_roofline("main-job")
    print(f"SGEMM {found.sgemm_flops_per_second / 1e9:.0f} GFLOP/s on one thread, ", end="")
    print(f"copies in the cache {found.copy_bytes_per_second / 1e9:.0f} GB/s")
    print(f"{'part':34} {'pass':9} {'ms':>6} {'GFLOP/s':>8} {'FLOP/byte':>9}")
    for part in found.parts:
        speed = f"{part.flops / part.seconds / 1e9:8.0f}" if part.flops else ""
        intensity = f"{part.flops / part.bytes:9.1f}" if part.flops else ""
        print(
            f"{part.name:34} {part.direction:9} {1e3 * part.seconds:6.3f} {speed:>8} {intensity:>9}"
        )
    print(
        f"all: {1e3 * found.seconds:.2f} ms, {1e3 * found.seconds_at_peak:.2f} ms at SGEMM's speed"
    )
    Path("docs/images/engine-roofline.png").write_bytes(draw_roofline(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
