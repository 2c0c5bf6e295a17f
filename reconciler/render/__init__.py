"""Plan, problems, outcomes -> one format a file; only `escape` makes text safe."""
