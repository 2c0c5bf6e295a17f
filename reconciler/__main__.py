"""`python -m reconciler` is the same as `reconciler`."""

import sys

from reconciler.cli.main import main

sys.exit(main())
