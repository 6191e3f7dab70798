"""Takes electricity-meter readings over every channel, judges, commits and answers them."""

__version__ = "0.1.0"
