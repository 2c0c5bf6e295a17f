"""The embedded API: the documented behaviour of CarrierX's SMS collections, in an SQLite file."""
