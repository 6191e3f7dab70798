"""
How partners write: one module a layout, pure but for the readers of tables (DBF, XLSX).

``catalogue`` says which there are, and what a channel asks them for.
"""
