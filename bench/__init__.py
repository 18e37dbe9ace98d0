"""Measurements: what each operation costs in the store, in CPU, and at a cold start."""
