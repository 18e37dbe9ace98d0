"""A business lived in virtual time under faults, and checked against a model of the rules.

Not shipped. `docs/simulator.md` says how to run it and how to read what it prints.
"""
