"""The work of an erasure: every place that may hold a person, gone through, emptied and looked at again."""
