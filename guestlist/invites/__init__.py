"""Invite codes: a person may enter one other person's code, once; the activation says whose."""
