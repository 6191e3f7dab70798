"""The SMS gateways, one file each and pure: request to texts, reply to response."""
