"""The only room that speaks SQL: every function takes a Session first, flushes, and never commits."""
