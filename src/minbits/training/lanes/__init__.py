"""The lanes engine: tiny networks on one CPU core, many examples to a vector instruction."""
