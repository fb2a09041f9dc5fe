"""Measurements: `make bench`. Ratios and figures of one run on one machine, never a test that can fail by time."""
