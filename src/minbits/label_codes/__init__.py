"""Codes of the labels: how many bits they take, given the inputs."""
