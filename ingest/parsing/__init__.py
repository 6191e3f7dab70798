"""What is needed to read a text as people write it; ``parser.py`` puts it together."""
