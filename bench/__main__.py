"""`make bench`: every measurement there is so far."""

from bench import safety, waiting

waiting.main()
safety.main()
