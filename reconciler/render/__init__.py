"""Plan, problems, outcomes -> one format a file; only `reconciler.escape` makes text safe."""
