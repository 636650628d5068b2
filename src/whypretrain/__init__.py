"""Why pre-training helps: Harsanyi interactions of pre-trained, fine-tuned and scratch models."""

__version__ = "0.1.0"
