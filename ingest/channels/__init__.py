"""The ways in; none of them knows another."""
