"""What a suite costs, told before it is paid: `python -m whypretrain.plan --config suite=NAME`."""
