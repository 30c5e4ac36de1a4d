"""Two-part codes of training labels: each published file, and the labels given its network.

The file and the list of what it gets wrong say all labels, so that a small file pays for its
errors. The temperature is found at the scale of each file's logits, which is arbitrary.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from minbits.codec.file_format import read_network
from minbits.codec.inference import predict_logits
from minbits.data import load
from minbits.information.discrete import entropy_bits
from minbits.information.temperature import best_temperature
from minbits.label_codes.given_logits import labels_given_network_bits

RECORDS = Path("records")


def main() -> None:
    start = time.perf_counter()
    sets = {name: load(name) for name in ("mnist", "digits")}
    for name, data in sets.items():
        labels, classes = data.train_labels, data.class_count
        alone = len(labels) * entropy_bits(np.bincount(labels, minlength=classes))
        print(f"{name}: {len(labels):,} training labels, {alone:,.0f} bits without the inputs")
        print(
            f"{'file':<42}{'wrong':>7}{'temperature':>13}{'file':>9}{'labels':>9}{'both':>9}"
            f"{'less':>7}"
        )
        for path in sorted([*RECORDS.glob("*.mbn"), *(RECORDS / "curve").glob("*.mbn")]):
            if json.loads(path.with_suffix(".json").read_text())["data_digest"] != data.digest:
                continue
            logits = predict_logits(read_network(path), data.train_inputs)
            wrong = int((logits.argmax(1) != labels).sum())
            size_bits = 8 * path.stat().st_size
            residual = labels_given_network_bits(logits, labels)
            print(
                f"{path!s:<42}{wrong:>7,}{best_temperature(logits, labels):>13.2e}{size_bits:>9,}"
                f"{residual:>9,.0f}{size_bits + residual:>9,.0f}"
                f"{alone / (size_bits + residual):>6.1f}x",
                flush=True,
            )
        print()
    print("labels: bits of the training labels given the network, 17 of them to say which code and")
    print("which temperature; less: how many times less than the labels without the inputs. The")
    print("decoder's program is not counted, nor are the frequencies of the classes.")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
