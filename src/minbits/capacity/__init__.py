"""What a network can hold: formulas with their assumptions. Nothing here imports PyTorch."""
