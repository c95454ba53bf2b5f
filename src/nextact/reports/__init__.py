"""Reports to look at: figures, pages of HTML that need nothing but a browser, and the summary on the terminal."""
