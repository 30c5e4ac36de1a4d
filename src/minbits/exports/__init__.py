"""A network as files for other programs; each is checked against the network's own predictions."""
