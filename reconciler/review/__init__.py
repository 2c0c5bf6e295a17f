"""Plans, outcomes and problems in; text to read out. One module per format."""
