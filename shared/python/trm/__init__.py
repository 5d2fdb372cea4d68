"""What a function author in Python reads: requests, answers, the cache, documents; knows no marketplace."""
