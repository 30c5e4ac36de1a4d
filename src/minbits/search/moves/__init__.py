"""From a network file to a start for the next one: a file for each move."""
