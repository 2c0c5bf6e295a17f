"""The embedded API: the documented behaviour of CarrierX's SMS collections over an SQLite file."""
