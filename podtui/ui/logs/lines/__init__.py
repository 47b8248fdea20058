"""Lines of a log: buffer, records, levels, times, layout."""
