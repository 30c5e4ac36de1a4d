"""A second decoder of network files, written from docs/format.md alone.

It shares no line with minbits and imports nothing of it: Python's standard library, and NumPy for
float32 arithmetic in `forward`. Where the page is silent, this decoder cannot be written, and where
the page and the code differ, the tests of this folder fail.
"""
