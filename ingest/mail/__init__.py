"""What is needed to read a mail as people and programs write it; ``mime.py`` puts it together."""
