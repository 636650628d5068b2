"""What a suite costs, told before it is paid: `python -m workflow.lib.plan --config suite=NAME`."""
