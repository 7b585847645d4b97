"""`python -m infra` is `campaigniq`."""

from infra.cli import main

main()
