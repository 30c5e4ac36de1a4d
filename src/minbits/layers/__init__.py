"""The layers of a network: one file each, and one line in `minbits.layers.registry`."""
