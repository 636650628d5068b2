"""The claims of the paper as named tests: a number, its interval, its chance level, three answers."""
