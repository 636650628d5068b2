"""For notebooks: interactions of one's own model, and what the workflow stored, as tables."""
