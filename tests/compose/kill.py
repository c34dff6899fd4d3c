"""`python -m tests.compose.kill PROJECT SERVICE`: what the tour's `kill -9` is for containers."""

import os
import sys

from tests.compose.engine import Compose

settings = {name: value for name, value in os.environ.items() if name.startswith("PINZHI_")}
Compose(sys.argv[1], settings).kill_process(sys.argv[2])
