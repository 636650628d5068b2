"""Harsanyi interactions: coalitions, players, masking, value, Möbius transform, HDF5 format."""
