"""Planted truth: networks whose interactions are known go through the pipeline and come back."""
