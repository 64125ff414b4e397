"""What lies ahead: forecasts, growth, cost, the roadmap, load tests. Pure."""
