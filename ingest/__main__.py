"""Lets ``python -P -m ingest`` be the command ``ingest``."""

from ingest.cli import main

if __name__ == "__main__":
    main()
