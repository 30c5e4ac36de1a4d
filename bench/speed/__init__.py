"""Speed of training as ratios, side by side in one run: what `bench/train.py` prints."""
