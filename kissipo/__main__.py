"""`python -m kissipo` is the command `kissipo`."""

import sys

from kissipo.cli.main import main

sys.exit(main())
