"""All that knows Snakemake."""
