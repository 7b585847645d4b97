"""Other stream engines doing R1: each as its users would write it, in an environment of its own."""
