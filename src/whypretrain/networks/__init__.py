"""Networks: building, weights, training, the linear probe, and accuracy under shifts."""
