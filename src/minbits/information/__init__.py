"""Entropies of a data set, each a figure that says what it measures."""
