"""Measurements: `make bench`. Each is a ratio or a figure of one run on one machine, never a test that can fail by time."""
