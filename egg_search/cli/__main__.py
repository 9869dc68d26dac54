"""`python -m egg_search.cli` is `egg`."""

from egg_search.cli import main

main()
