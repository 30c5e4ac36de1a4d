"""Models whose held-out code length bounds H(X) from above, one a file."""
