"""One user_data: texts and JSON values in; equality, differences, merges and masks out."""
