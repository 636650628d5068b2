"""Simulated worlds of known truth: how often answers are wrong, and how often intervals cover."""
