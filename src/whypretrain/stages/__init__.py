"""One thin command line a rule: read, call, write."""
