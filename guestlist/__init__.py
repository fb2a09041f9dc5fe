"""Guestlist: sign-in by phone and one-time code, profiles, invite codes."""

__version__ = "0.1.0"
