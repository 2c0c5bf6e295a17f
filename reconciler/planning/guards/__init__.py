"""A plan + limits in; what each guard says out. One file a guard."""
