"""
Batch files of partners: taken from a folder, handed over chunk by chunk, answered line by line.

Every file is read twice. The first reading takes its checksum and looks for what makes it unusable
as a whole; only the second hands lines over, from where the sink says that it got to before. So a
crash at any point is put right by doing the same again: a file stays in ``work/`` until its answer
lies in ``out/``, and a sink that knows the content already gives the first answer.
"""

from ingest.channels.registry.channel import RegistryChannel

__all__ = ["RegistryChannel"]
