"""Verify a network file in a fresh process, and show which of its parts take how many bits."""

import sys

import minbits

path = sys.argv[1] if len(sys.argv) > 1 else "records/digits-95.mbn"
run = minbits.verify(path, "digits")
print(f"{run.verification.size_bits:,} bits, {run.verification.test_accuracy:.2%} on the test set")
for part in sorted(minbits.inspect(path).parts, key=lambda part: -part.size_bits)[:5]:
    print(f"{part.size_bits:8.1f} bits  {part.name}")
