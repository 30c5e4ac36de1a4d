"""Neural models of examples, as plugs of the entropy ladder; PyTorch runs in their workers alone."""
