"""R1, the reference workload: a shop's stream, what must come out of it, and how it is told to the engine."""
