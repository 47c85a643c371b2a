"""Speed, memory and price of tap-bigin and target-bigin, as ratios side by side in one run."""
