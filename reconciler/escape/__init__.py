"""Untrusted text in; text that is safe to show, out."""
