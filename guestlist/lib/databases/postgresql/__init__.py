"""Django's postgresql backend, pooled."""
