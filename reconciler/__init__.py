"""Keeps the user_data of CarrierX SMS records equal to YAML files in git."""

__version__ = "0.1.0"
