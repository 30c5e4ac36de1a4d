"""Architectures as text, by name, and as PyTorch computations."""
