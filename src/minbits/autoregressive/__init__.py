"""Neural rungs of the entropy ladder; PyTorch runs in their workers alone."""
