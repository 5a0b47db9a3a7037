"""Files for others: the state's public forms, spreadsheets, and what their columns mean."""
