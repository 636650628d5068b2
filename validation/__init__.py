"""Checks of the whole: planted truth, simulated worlds, benchmarks."""
