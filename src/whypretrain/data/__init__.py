"""Datasets: sources, the prepared files, and the way from a file to a network's input."""
