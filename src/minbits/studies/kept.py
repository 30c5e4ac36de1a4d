"""What rows of measurements are called that are no studies of networks: figures of data sets."""

from __future__ import annotations

# Of `minbits entropy` and `minbits codelength`.
ENTROPY, CODELENGTH = "entropy", "codelength"
# Of `minbits diagram DATA`: what stands on the X axis, and what each search found.
DIAGRAM_FIGURES, DIAGRAM_SEARCH = "diagram_figures", "diagram_search"
OF_DATA = (ENTROPY, CODELENGTH, DIAGRAM_FIGURES, DIAGRAM_SEARCH)
