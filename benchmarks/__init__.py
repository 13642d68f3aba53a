"""How fast the read and write paths are, measured side by side: `python -m benchmarks`, or `make bench`.

In reading order: `world` (what is in the databases), `installation` and `baseline` (how each side keeps it),
`servers` and `load` (one process each, and requests at it), `reads`, `starting`, `files` and `backoffice` (the
figures), `figures` (how they are told).
"""
