"""Attacks to be run by hand against a live server of this machine; what they must show stands in docs/security.md."""
