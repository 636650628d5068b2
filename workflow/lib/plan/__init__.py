"""What a suite costs before it is run: `python -m workflow.lib.plan --config suite=NAME`."""
