"""`python -m reconciler` is the same as `reconciler`."""

import sys

from reconciler.cli import main

sys.exit(main())
