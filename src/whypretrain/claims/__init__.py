"""The paper's claims as named tests, each with a number, an interval, a null and a verdict."""
