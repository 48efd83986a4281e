"""Records as Excel sheets: declared columns, a writer, and a reader that trusts no file. Nothing is ever evaluated."""
