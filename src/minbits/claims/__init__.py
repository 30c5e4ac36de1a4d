"""Claims on the test set: selection, verification, cards, and what is published."""
