"""`make bench`: every measurement there is so far."""

from bench import waiting

waiting.main()
