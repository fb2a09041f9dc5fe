"""Who: a person is a phone number that was confirmed once, with a profile and an invite code."""
