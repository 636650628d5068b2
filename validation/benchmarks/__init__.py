"""Benchmarks: `make bench`, and the cost of the paper suite."""
