"""Exact sharing: what the 2**n_players masked versions of an input have in common, once."""
