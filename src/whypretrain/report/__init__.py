"""Figures, explorer and explanations: they draw, and compute nothing."""
