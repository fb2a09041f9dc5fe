"""The words that templates need."""
