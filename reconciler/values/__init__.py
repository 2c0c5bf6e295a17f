"""The text of one user_data in; equality, differences, merges and masks out."""
