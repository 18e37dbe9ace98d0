"""A Viber that runs on the laptop: its REST API, its callbacks, and phones to type on."""

from demo.emulator.server import Emulator

__all__ = ["Emulator"]
