"""The rules of the business once more, read from the rules alone and written the obvious way.

It knows nothing of `chalicelib` and shares no code with it. Facts go in, in the order in which
they took effect; what they should have cost, and what should be so afterwards, comes out.
"""
