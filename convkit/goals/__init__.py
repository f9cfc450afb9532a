"""goals.yaml to goals, funnels and filters as expressions."""
