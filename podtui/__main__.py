"""`python -m podtui`, the same as `podtui`."""

from __future__ import annotations

import sys

from podtui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
