"""The typed configuration: one module a section, so that a change reaches only its users."""
