"""`make bench`: the comparison with others (alone: `python -m bench.compare`), then what waiting and safety cost."""

import sys

from bench import compare, safety, waiting

failed = compare.main([])
waiting.main()
safety.main()
sys.exit(failed)
