"""How it runs: the command line, the settings, the wiring, the demo. Knows every other folder; none knows it."""

VERSION = "0.1.0"
