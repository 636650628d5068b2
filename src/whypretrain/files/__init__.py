"""Files: written whole, checked when read, one writer at a time."""
