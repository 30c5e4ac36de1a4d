"""What a layer costs with NumPy: counts of four kinds of work, and the seconds of each."""

from __future__ import annotations

from dataclasses import dataclass

# Seconds on one core of a server of 2020 or later, beside measured ones in recipes/run_cost.py: of
# a multiply-accumulate in a product of matrices, of a value copied out of or added into an image,
# of a value written by a pass over an activation, and of a call of NumPy.
_PRODUCT_SECONDS = 0.05e-9
_COPY_SECONDS = 0.4e-9
_PASS_SECONDS = 0.7e-9
_CALL_SECONDS = 1.5e-6


@dataclass(frozen=True)
class Work:
    """What one example takes of one layer.

    Attributes:
        products: multiply-accumulates in products of matrices.
        copied: values copied out of or added into an image.
        passed: values written by passes over an activation.
        calls: of NumPy; a batch shares them, so that this is a fraction.
    """

    products: int = 0
    copied: int = 0
    passed: int = 0
    calls: float = 0.0

    @property
    def seconds(self) -> float:
        """About how long it takes on one core."""
        return (
            self.products * _PRODUCT_SECONDS
            + self.copied * _COPY_SECONDS
            + self.passed * _PASS_SECONDS
            + self.calls * _CALL_SECONDS
        )
