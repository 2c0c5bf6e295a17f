"""Plans, outcomes and problems in; something to read out, one file a format."""
