"""Figures of a suite, drawn from the experiments' tables alone; one module a figure."""
