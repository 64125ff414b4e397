"""How good what is seen is: thresholds, headroom, bottlenecks, forecast, growth, cost, roadmap. All pure."""
