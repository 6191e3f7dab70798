"""How partners write: one module a file layout, pure; nothing here reads or writes a file."""
