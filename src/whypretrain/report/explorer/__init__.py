"""The explorer: a suite's results as one HTML page, from claims down to single interactions."""
