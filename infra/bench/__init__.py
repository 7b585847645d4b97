"""Measurements of a whole platform on this machine, over loopback alone. Nothing of the product imports this."""
