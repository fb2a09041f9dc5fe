"""The front desk: the only room that knows the web API library."""
