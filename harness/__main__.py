"""`python -m harness` is the `keyreel` command."""

from harness.cli import main

main()
