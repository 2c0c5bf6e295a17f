"""A plan and limits in; the result of each guard out. One file per guard."""
