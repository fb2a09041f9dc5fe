"""Signing in: challenges (a code was asked for), codes, sessions, devices."""
