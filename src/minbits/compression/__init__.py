"""From a trained network to few bits: quantisation-aware training under a rate penalty."""
