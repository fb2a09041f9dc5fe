"""The operators' overview, inside the admin: it reads what other rooms have written, and writes nothing."""
