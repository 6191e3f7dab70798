"""The protocols by which payment terminals ask, one file each and pure: request, result, answer."""
