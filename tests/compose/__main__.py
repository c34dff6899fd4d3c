"""`python -m tests.compose [--keep]`: see `make compose-test`."""

import sys

from tests.compose.run import main

sys.exit(main(keep="--keep" in sys.argv[1:]))
