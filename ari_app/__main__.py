"""`python -m ari_app` is the command `polri110`."""

from ari_app.cli import main

main()
