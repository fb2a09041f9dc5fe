"""The pages: Django templates over the same actions as the API."""
