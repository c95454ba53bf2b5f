"""Reports to look at: Plotly figures, and pages of HTML that need nothing but a browser."""
