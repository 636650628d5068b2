"""The typed configuration: one module a section, so that a change of one invalidates only its users."""
