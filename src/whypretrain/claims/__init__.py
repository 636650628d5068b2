"""The claims of the paper as named tests: a number, its interval, chance level, three answers."""
