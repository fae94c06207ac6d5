"""The pages of the books: reports with a way to the document behind each figure, the journal, and the closing of months."""
