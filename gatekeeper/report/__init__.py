"""Evidence and verdict to a `ReportView`; charts and wording. Nothing here writes a file."""
