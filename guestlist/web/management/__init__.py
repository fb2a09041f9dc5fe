"""The commands of `manage.py` that belong to no other room."""
