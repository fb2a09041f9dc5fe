"""Messages to phones: rows that gateways carry. Knows what a message is for only by what higher rooms tell it."""
