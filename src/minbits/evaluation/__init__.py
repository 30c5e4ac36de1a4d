"""What a network file gets right, and whether that reaches an accuracy."""
