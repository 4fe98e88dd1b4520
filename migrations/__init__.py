"""The history of the schema; `broadsheet db upgrade` runs it."""
