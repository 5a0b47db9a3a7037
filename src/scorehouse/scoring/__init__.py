"""From item responses and rules to scores: pure arithmetic, no files, no clock."""
