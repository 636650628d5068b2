"""Networks: the small ones of the embedded suite, building, weights."""
