"""What is done to the inputs of a network before its first layer: a file for each front end."""
